"""Signing in: every way to, every wrong way told early, and no secret anywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reserve.clock import Clock
from reserve.desk import Desk
from reserve.journal import Journal
from reserve.redact import redact, remember_secret
from reserve.sites.chameleon import credentials
from reserve.sites.chameleon.site import ChameleonSite
from reserve.verbs.down import down
from snippets.errors import CredentialsError
from tests.reserve.scenario import booted, reserved

PASSWORD = {"OS_AUTH_TYPE": "v3password", "OS_USERNAME": "s", "OS_PASSWORD": "longenough", "OS_PROJECT_NAME": "p"}


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def clouds(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "clouds.yaml"
    path.write_text(text)
    return {"OS_CLIENT_CONFIG_FILE": str(path)}


TWO = """
clouds:
  tacc: {region_name: CHI@TACC, auth_type: v3applicationcredential,
         auth: {auth_url: 'https://x:5000/v3', application_credential_id: a, application_credential_secret: secret-a}}
  uc: {region_name: CHI@UC, auth_type: v3applicationcredential,
       auth: {auth_url: 'https://y:5000/v3', application_credential_id: b, application_credential_secret: secret-b}}
"""


def test_each_site_gets_its_own_entry_of_clouds_yaml(tmp_path):
    env = clouds(tmp_path, TWO)
    assert credentials.find("CHI@UC", env).options["application_credential_id"] == "b"
    assert credentials.find("CHI@TACC", {**env, "OS_CLOUD": "tacc"}).options["application_credential_id"] == "a"
    assert credentials.find("CHI@UC", {**env, "OS_CLOUD": "tacc"}).options["application_credential_id"] == "b"


def test_an_application_credential_takes_no_project_along():
    env = {
        "OS_APPLICATION_CREDENTIAL_ID": "a",
        "OS_APPLICATION_CREDENTIAL_SECRET": "secret-a",
        "OS_PROJECT_NAME": "p",
        "OS_AUTH_URL": "https://x:5000/v3",
    }
    found = credentials.find("CHI@TACC", env)
    assert found.is_application_credential and "project_name" not in found.options


@pytest.mark.parametrize(
    ("auth_type", "auth", "found"),
    [
        ("password", "username: s, password: longenough, project_name: p", "v3password"),
        ("v3password", "user_id: u1, password: longenough, project_id: p1", "v3password"),
        ("", "username: s, password: longenough, project_name: p", "v3password"),
        ("token", "token: longenough, project_name: p", "v3token"),
        ("", "token: longenough, project_name: p", "v3token"),
        ("", "application_credential_id: a, application_credential_secret: longenough", "v3applicationcredential"),
        (
            "v3applicationcredential",
            "application_credential_name: n, application_credential_secret: longenough, username: s",
            "v3applicationcredential",
        ),
        ("v3oidcaccesstoken", "access_token: longenough, identity_provider: i, protocol: openid", "v3oidcaccesstoken"),
    ],
)
def test_every_way_to_sign_in_is_read_from_clouds_yaml(tmp_path, auth_type, auth, found):
    text = f"clouds: {{a: {{region_name: CHI@UC, auth_type: {auth_type or 'null'}, auth: {{auth_url: 'x', {auth}}}}}}}"
    signin = credentials.find("CHI@UC", clouds(tmp_path, text if auth_type else text.replace("auth_type: null, ", "")))
    assert signin.auth_type == found and signin.region == "CHI@UC" and "longenough" not in repr(signin)
    named = dict(pair.split(": ") for pair in auth.split(", "))
    assert dict(signin.options) == {"auth_url": "x", **named}


FEDERATED = """
clouds:
  "CHI-course":
    auth_type: v3oidcpassword
    auth:
      auth_url: https://chi.uc.chameleoncloud.org:5000/v3
      username: "ab123@uni.edu"
      protocol: openid
      identity_provider: chameleon
      discovery_endpoint: https://auth/realms/chameleon/.well-known/openid-configuration
      client_id: keystone-uc-prod
      access_token_type: access_token
      client_secret: none
    regions:
    - CHI@UC
    - KVM@UC
    interface: public
    identity_api_version: 3
    project_name: "CHI-course"
    project_domain_name: chameleon
"""


def test_the_file_that_the_dashboard_gives_lacks_a_password_and_is_told_which(tmp_path):
    asked = r"clouds.yaml \(CHI-course\) lacks password: write it below `auth:`.*CLI password.*not your university's"
    with pytest.raises(CredentialsError, match=asked) as caught:
        credentials.find("CHI@UC", clouds(tmp_path, FEDERATED))
    assert caught.value.exit_code == 15


def test_the_dashboards_file_with_a_password_brings_project_and_region_along(tmp_path):
    text = FEDERATED.replace("      protocol", "      password: longenough\n      protocol")
    found = credentials.find("CHI@UC", clouds(tmp_path, text))
    assert (found.auth_type, found.region, found.project) == ("v3oidcpassword", "CHI@UC", "CHI-course")
    assert dict(found.options) == {
        "auth_url": "https://chi.uc.chameleoncloud.org:5000/v3",
        "username": "ab123@uni.edu",
        "password": "longenough",
        "protocol": "openid",
        "identity_provider": "chameleon",
        "discovery_endpoint": "https://auth/realms/chameleon/.well-known/openid-configuration",
        "client_id": "keystone-uc-prod",
        "client_secret": "none",
        "access_token_type": "access_token",
        "project_name": "CHI-course",
        "project_domain_name": "chameleon",
    }


def test_ccauths_file_without_its_plugin_names_what_to_install(tmp_path):
    text = FEDERATED.replace("v3oidcpassword", "v3chameleonoidc")
    with pytest.raises(
        CredentialsError, match=r"clouds.yaml \(CHI-course\) asks for .*v3chameleonoidc.*pip install ccauth"
    ):
        credentials.find("CHI@UC", clouds(tmp_path, text))


def test_a_blank_password_of_openrc_is_asked_for_by_its_name():
    env = {"OS_AUTH_TYPE": "v3oidcpassword", "OS_USERNAME": "ab123", "OS_PASSWORD": "", "OS_PROTOCOL": "openid"}
    env |= {"OS_IDENTITY_PROVIDER": "chameleon", "OS_AUTH_URL": "https://x:5000/v3", "OS_PROJECT_NAME": "p"}
    with pytest.raises(CredentialsError, match="lacks OS_PASSWORD. It is the CLI password.*not your university's"):
        credentials.find("CHI@TACC", env)


def test_the_project_that_was_chosen_pays_whatever_the_sign_in_names():
    chosen = credentials.find("CHI@TACC", {**PASSWORD, "SERVELAB_PROJECT": "CHI-mine"})
    assert (chosen.project, chosen.options["project_domain_name"]) == ("CHI-mine", "chameleon")
    by_id = credentials.find("CHI@TACC", {**PASSWORD, "SERVELAB_PROJECT": "a" * 32})
    assert by_id.options["project_id"] == "a" * 32 and "project_name" not in by_id.options
    assert credentials.find("CHI@TACC", PASSWORD).project == "p"


def test_the_hubs_first_project_is_nobodys_choice():
    hub = {"JUPYTERHUB_API_URL": "http://hub"}
    assert credentials.takes_first_project(hub) and not credentials.takes_first_project({})
    assert not credentials.takes_first_project({**hub, "SERVELAB_PROJECT": "CHI-mine"})
    assert credentials.are_there(hub) and credentials.are_there(PASSWORD) and not credentials.are_there({})


def test_a_member_of_two_projects_is_asked_which_one_pays(tmp_path):
    other = FEDERATED.replace("CHI-course", "CHI-other").replace("\nclouds:\n", "")
    with pytest.raises(CredentialsError, match=r"CHI-course \(project CHI-course\), CHI-other .*OS_CLOUD=NAME"):
        credentials.find("CHI@UC", clouds(tmp_path, FEDERATED + other))


def test_the_emulated_site_signs_in_by_the_dashboards_file(chameleon, monkeypatch, tmp_path):
    said = chameleon.env()
    text = f"""
clouds:
  "CHI-course":
    auth_type: v3password
    auth: {{auth_url: "{said["OS_AUTH_URL"]}", username: "{said["OS_USERNAME"]}", user_domain_name: Default}}
    regions: [CHI@TACC]
    project_name: "{said["OS_PROJECT_NAME"]}"
    project_domain_name: {said["OS_PROJECT_DOMAIN_NAME"]}
"""
    for name in [name for name in said if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    for name, value in clouds(tmp_path, text).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CredentialsError, match="lacks password"):
        ChameleonSite("CHI@TACC", Journal(tmp_path / "j"), Clock()).sign_in()
    clouds(tmp_path, text.replace("username:", f'password: "{said["OS_PASSWORD"]}", username:'))
    site = ChameleonSite("CHI@TACC", Journal(tmp_path / "j"), Clock())
    assert site.sign_in() == f"{said['OS_USERNAME']} in project {said['OS_PROJECT_NAME']}"


def test_what_the_dashboard_of_each_site_gives_as_application_credentials_lies_in_one_file(tmp_path):
    text = TWO.replace("region_name: CHI@TACC", "regions: [CHI@TACC]").replace(
        "region_name: CHI@UC", "regions: [CHI@UC]"
    )
    env = clouds(tmp_path, text)
    for site, secret in (("CHI@TACC", "secret-a"), ("CHI@UC", "secret-b")):
        found = credentials.find(site, env)
        assert found.region == site and found.options["application_credential_secret"] == secret


def test_the_jupyterhub_is_a_sign_in():
    hub = {"JUPYTERHUB_API_URL": "http://hub"}
    assert credentials.find("CHI@TACC", hub).auth_type == "v3oidcaccesstoken"
    # python-chi fetches the token there.
    named = {"OS_AUTH_TYPE": "v3oidcaccesstoken", "OS_IDENTITY_PROVIDER": "chameleon", "OS_PROTOCOL": "openid"}
    assert credentials.find("CHI@TACC", {**hub, **named}).options["protocol"] == "openid"
    with pytest.raises(CredentialsError, match="lacks OS_ACCESS_TOKEN"):
        credentials.find("CHI@TACC", named)


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({}, "no Chameleon sign-in found.*Application Credentials"),
        ({"OS_USERNAME": "s", "OS_PASSWORD": ""}, "neither a password"),
        ({"OS_AUTH_TYPE": "v3password", "OS_PASSWORD": "longenough"}, "lacks OS_USERNAME"),
        ({"OS_APPLICATION_CREDENTIAL_ID": "a"}, "without its secret"),
        ({"OS_AUTH_TYPE": "v2password", "OS_USERNAME": "s", "OS_PASSWORD": "longenough"}, "cannot do"),
        ({"OS_CLOUD": "nowhere"}, "no clouds.yaml"),
        (
            {"OS_AUTH_TYPE": "v3oidcpassword", "OS_USERNAME": "s"},
            "lacks OS_IDENTITY_PROVIDER, OS_PASSWORD, OS_PROTOCOL",
        ),
        ({"OS_AUTH_TYPE": "v3chameleonoidc"}, "'v3chameleonoidc', and no installed package can"),
    ],
)
def test_what_is_missing_is_named(env, says):
    with pytest.raises(CredentialsError, match=says):
        credentials.find("CHI@TACC", {"OS_CLIENT_CONFIG_FILE": "/nonexistent", **env})


@pytest.mark.parametrize(
    ("text", "more", "says"),
    [
        (TWO, {"OS_CLOUD": "ucc"}, "has: tacc, uc"),
        (TWO.replace("CHI@UC", "CHI@TACC"), {}, "Say which to use"),
        ("clouds: [", {}, "cannot be read"),
        ("clouds: {a: {auth: {auth_url: x}}}", {}, "neither a password"),
    ],
)
def test_a_wrong_clouds_yaml_is_explained(tmp_path, text, more, says):
    with pytest.raises(CredentialsError, match=says):
        credentials.find("CHI@TACC", {**clouds(tmp_path, text), **more})


def test_a_credential_of_another_site_is_told_before_anything_is_sent(tmp_path):
    env = {**clouds(tmp_path, TWO.split("  uc")[0]), "OS_CLOUD": "tacc"}
    with pytest.raises(CredentialsError, match="made at CHI@TACC and works only there"):
        credentials.find("CHI@UC", env)


def test_an_application_credential_that_cannot_lease_is_told_before_anything_is_asked_for(chameleon, monkeypatch, desk):
    for name in ("OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in chameleon.env(auth="application_credential").items():
        monkeypatch.setenv(name, value)
    chameleon.state.app_credential_trusts = False
    chameleon.faults.on("lease-trust-refused")
    with pytest.raises(CredentialsError, match="cannot make leases.*[Uu]nrestricted.*JupyterHub"):
        reserved(desk)
    assert desk.journal.open_entries() == []
    chameleon.assert_empty()


def test_no_secret_reaches_journal_words_or_repr(chameleon, desk, tmp_path):
    booted(desk)
    site = desk.site("CHI@TACC")
    secrets = {chameleon.state.password, site.rest.session.get_token()}
    secrets |= {line for line in (tmp_path / "state" / "id_ed25519").read_text().splitlines() if len(line) > 40}
    written = "\n".join(p.read_text(errors="replace") for p in (tmp_path / "state").rglob("*.json*"))
    seen = written + "\n".join(desk.words) + repr(site.signin) + repr(desk.journal.entries())
    for secret in secrets:
        assert secret not in seen
    down(desk, "system")


def test_a_secret_inside_an_error_is_hidden():
    remember_secret("hunter2-hunter2")
    assert redact("HTTP 500: password=hunter2-hunter2") == "HTTP 500: password=***"


def test_no_file_of_the_kit_holds_a_secret(root):
    """Keys, tokens and passwords have no place in the repository."""
    telling = re.compile(r"BEGIN (OPENSSH|RSA|EC) PRIVATE KEY|gAAAA[A-Za-z0-9_-]{40}")
    for path in [*root.glob("reserve/**/*.*"), *root.glob("notebooks/**/*.*"), *root.glob("*.md")]:
        if path.is_file() and path.suffix in (".py", ".toml", ".md", ".ipynb"):
            assert not telling.search(path.read_text(errors="replace")), path


def test_several_projects_are_a_question_not_a_guess(chameleon, monkeypatch, tmp_path):
    """A sign-in without a project gets a token for none; python-chi would take the first without a word."""
    monkeypatch.setattr(
        "reserve.sites.chameleon.chi.token_facts", lambda rest: {"user": {"id": "u", "name": "student"}}
    )
    site = ChameleonSite("CHI@TACC", Journal(tmp_path / "j"), Clock())
    with pytest.raises(CredentialsError, match=r"export OS_PROJECT_NAME=\.\.\.`, one of .*CHI-course"):
        site.sign_in()
    said = chameleon.env()
    auth = ", ".join(f"{key}: '{said[f'OS_{key.upper()}']}'" for key in ("auth_url", "username", "password"))
    env = clouds(tmp_path, f"clouds: {{a: {{region_name: CHI@TACC, auth: {{{auth}, user_domain_name: Default}}}}}}")
    for name, value in {**env, "OS_CLOUD": "a"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CredentialsError, match=r"`project_name: \.\.\.` in .*clouds.yaml \(a\), one of .*CHI-course"):
        site.sign_in()


def test_a_missing_private_key_is_told(desk):
    made = Desk(journal=desk.journal, clock=desk.clock, voice=desk.voice, key="/nonexistent/key")
    with pytest.raises(CredentialsError, match="no private key at /nonexistent/key.*--key"):
        made.site("CHI@TACC").key_path()
