"""clouds.yaml as OpenStack's clients read it; and what they pass over without a word is told here."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from reserve.sites.chameleon.clouds import Entry, for_site, from_variables
from snippets.errors import CredentialsError, ToolMissing

UC_TWICE = """
clouds:
  tacc: {region_name: CHI@TACC, auth: {password: longenough}}
  mine: {region_name: CHI@UC, auth: {project_name: CHI-mine}}
  course: {region_name: CHI@UC, project_id: p2, auth: {password: longenough}}
"""


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def read(text: str, site: str = "CHI@UC", **env: str) -> Entry:
    Path("clouds.yaml").write_text(text)
    found = for_site(site, env)
    assert found is not None
    return found


def refusal(text: str, site: str = "CHI@UC", **env: str) -> str:
    with pytest.raises(CredentialsError) as caught:
        read(text, site, **env)
    assert caught.value.exit_code == 15 and "longenough" not in str(caught.value)
    return str(caught.value)


def test_options_beside_auth_count_like_those_below_it() -> None:
    entry = read("clouds: {a: {auth: {username: s, project_name: p}, project_domain_name: d, password: 12345678}}")
    wanted = {"username": "s", "project_name": "p", "project_domain_name": "d", "password": "12345678"}
    assert wanted.items() <= entry.settings.items()
    assert (entry.source, entry.cloud, entry.project) == ("clouds.yaml (a)", "a", "p")
    assert (entry.auth_type, entry.region) == ("", "") and "12345678" not in repr(entry)


def test_a_list_of_regions_is_an_entry_for_each_of_them() -> None:
    text = """
    clouds:
      a: {regions: [CHI@TACC, {name: CHI@UC, values: {auth: {auth_url: 'https://uc/v3'}}}],
          auth: {auth_url: 'https://tacc/v3', username: s}}
      b: {region_name: CHI@NCAR}
    """
    uc = read(text, "CHI@UC")
    assert (uc.cloud, uc.region, uc.settings["auth_url"], uc.settings["username"]) == (
        "a",
        "CHI@UC",
        "https://uc/v3",
        "s",
    )
    tacc = read(text, "CHI@TACC", OS_CLOUD="a")
    assert (tacc.region, tacc.settings["auth_url"]) == ("CHI@TACC", "https://tacc/v3")
    assert read(text, "CHI@NCAR", OS_CLOUD="a").cloud == "b"
    assert read(text, "CHI@Edge", OS_CLOUD="a").region == "CHI@TACC"


def test_a_profile_of_ones_own_is_applied() -> None:
    Path("clouds-public.yaml").write_text(
        "public-clouds: {course: {auth_type: v3password, region_name: CHI@UC, auth: {auth_url: 'https://uc/v3'}}}"
    )
    entry = read("clouds: {a: {profile: course, auth: {username: s}}}")
    assert (entry.auth_type, entry.region) == ("v3password", "CHI@UC")
    assert entry.settings["auth_url"] == "https://uc/v3" and entry.settings["username"] == "s"


def test_an_unknown_profile_is_named_with_its_entry() -> None:
    said = refusal("clouds: {a: {profile: corse, auth: {password: longenough}}}")
    assert "clouds.yaml (a)" in said and "corse" in said and "Correct it there" in said


def test_secrets_kept_apart_are_read(tmp_path: Path) -> None:
    Path("secure.yaml").write_text("clouds: {a: {auth: {password: longenough}}}")
    assert read("clouds: {a: {auth: {username: s}}}").settings["password"] == "longenough"
    (tmp_path / "apart.yaml").write_text("clouds: {a: {auth: {password: elsewhere}}}")
    read_apart = read("clouds: {a: {auth: {username: s}}}", OS_CLIENT_SECURE_FILE=str(tmp_path / "apart.yaml"))
    assert read_apart.settings["password"] == "elsewhere"
    Path("secure.yaml").write_text("clouds: [")
    assert refusal("clouds: {a: {auth: {username: s}}}").startswith("secure.yaml, line 1 cannot be read")


def test_the_file_is_looked_for_here_then_at_home_then_on_the_machine(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".config" / "openstack"
    folder.mkdir(parents=True)
    (folder / "clouds.yml").write_text("clouds: {home: {auth: {}}}")
    assert for_site("CHI@UC", {"OS_CLIENT_CONFIG_FILE": "/nonexistent"}) is None
    at_home = for_site("CHI@UC", {})
    assert at_home is not None and at_home.cloud == "home"
    assert read("clouds: {here: {auth: {}}}").cloud == "here"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clouds:\n  a:\n    auth: {username: s\n    b: 1\n", "clouds.yaml, line 4 cannot be read"),
        ("clouds:\n  a:\n    auth:\n      password: *longenough\n", "line 4 cannot be read.*special characters"),
        ("clouds:\n  a:\n    auth:\n      password: @longenough\n", "line 4 cannot be read.*between quotes"),
        ("clouds: {a: {auth: !longenough 1}}", "line 1 cannot be read"),
        ("", "holds no `clouds:`"),
        ("- longenough", "holds no `clouds:`"),
        ("clouds: {}", "holds no `clouds:`"),
        ("clouds: [a]", "not laid out as"),
        ("clouds: {a: longenough}", "not laid out as"),
        ("clouds: {a: {auth: longenough}}", "not laid out as"),
        ("clouds: {a: {auth: {auth_url: 'https://{longenough}'}}}", "not laid out as"),
        ("clouds: {a: {regions: [{nom: CHI@UC}]}}", r"clouds.yaml \(a\) cannot be used: Invalid region entry"),
    ],
)
def test_a_file_that_clients_would_skip_is_refused_by_name_line_and_reason(text: str, says: str) -> None:
    assert re.search(says, refusal(text))


def test_a_file_that_is_not_text_or_may_not_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("clouds.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CredentialsError, match="clouds.yaml cannot be read.*not text"):
        for_site("CHI@UC", {})

    def denied(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.raises(CredentialsError, match="clouds.yaml cannot be read.*Permission denied"):
        for_site("CHI@UC", {})


def test_several_entries_for_one_site_are_named_with_their_projects_and_none_is_taken() -> None:
    asked = "holds mine (project CHI-mine), course (project p2) for CHI@UC. Say which to use: `export OS_CLOUD=NAME`."
    assert asked in refusal(UC_TWICE)
    assert asked in refusal(UC_TWICE, OS_CLOUD="tacc")
    assert read(UC_TWICE, OS_CLOUD="course").cloud == "course"
    assert read(UC_TWICE, "CHI@TACC", OS_CLOUD="course").cloud == "tacc"
    assert "holds tacc, mine, course. Say which" in refusal(UC_TWICE, "CHI@Edge")
    assert read(UC_TWICE, "CHI@Edge", OS_CLOUD="mine").cloud == "mine"


def test_a_broken_entry_of_another_site_is_in_nobodys_way() -> None:
    assert read("clouds: {broken: 1, uc: {region_name: CHI@UC}}").cloud == "uc"


def test_variables_are_read_like_an_entry_and_braces_in_a_secret_stay() -> None:
    entry = from_variables("openrc", {"tenant_name": "p", "client_secret": "a{b", "password": "{"}, "v3password", "R")
    assert {"project_name": "p", "client_secret": "a{b", "password": "{"}.items() <= entry.settings.items()
    assert (entry.auth_type, entry.region, entry.cloud) == ("v3password", "R", "")


def test_without_openstacksdk_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openstack", None)
    with pytest.raises(ToolMissing, match=r"servelab\[chameleon\]"):
        from_variables("openrc", {}, "v3password", "")
