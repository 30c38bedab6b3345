"""The checkout as an archive: which files, which modes, how much at most."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from reserve.errors import SiteError
from reserve.node import checkout
from reserve.node.checkout import pack


def members(root: Path) -> dict[str, int]:
    """Mode of each file in the archive."""
    with tarfile.open(fileobj=io.BytesIO(pack(root).archive)) as tar:
        return {member.name: member.mode for member in tar}


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path / "no git here"))
    for name in ("servelab.py", "runs/model/record.json", "reserve/__pycache__/a.pyc", "setup.sh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "setup.sh").chmod(0o755)
    (tmp_path / "reserve/link").symlink_to("/etc/passwd")
    return tmp_path


def test_without_git_what_is_of_the_kit_goes_without_caches_and_links(kit: Path) -> None:
    (kit / "my thesis.txt").write_text("mine")
    assert members(kit) == {"servelab.py": 0o644, "setup.sh": 0o755, ".servelab-files": 0o644}
    assert pack(kit).commit == "unknown"


def test_all_that_lies_at_the_top_of_this_checkout_is_known_as_the_kits(root: Path) -> None:
    tracked = subprocess.run(["git", "-C", str(root), "ls-files"], capture_output=True, text=True, check=False).stdout
    tops = {name.split("/")[0] for name in tracked.splitlines()}
    assert {name for name in tops if not name.startswith(".")} <= checkout.OF_THE_KIT


def test_nothing_of_this_checkout_is_taken_for_a_secret_and_a_device_gets_a_small_one(root: Path) -> None:
    whole, small = pack(root), pack(root, "edge")
    assert whole.kept_back == small.kept_back == ()
    assert len(small.archive) < 2_000_000 < len(whole.archive)
    with tarfile.open(fileobj=io.BytesIO(small.archive)) as tar:
        names = tar.getnames()
    assert "notebooks/edge/1_latency.ipynb" in names and "servelab.py" in names
    assert not [name for name in names if name.startswith(("tests/", "images/", "notebooks/model/"))]


PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n"
SECRETS = {
    "id_ed25519": PRIVATE,
    ".ssh/config": "Host *",
    "deploy": PRIVATE,
    "course.pem": "x",
    "clouds.yaml": "clouds: {}",
    "secure.yml": "clouds: {}",
    "CHI-251409-openrc.sh": "export OS_AUTH_URL=x",
    "reserve/login.sh": "export OS_PASSWORD=hunter22\n",
    "notebooks/mine.yaml": "clouds:\n  a:\n    auth:\n      application_credential_secret: abcdef\n",
    ".netrc": "machine x login y password z",
    ".env": "TOKEN=1",
    "tests/token.txt": "ghp_" + "a" * 36,
    ".config/openstack/clouds.yaml": "clouds: {}",
}
HARMLESS = {
    "id_ed25519.pub": "ssh-ed25519 AAAA me",
    "reserve/a.py": "OS_PASSWORD = 'name'",
    "README.md": "OS_PASSWORD=x",
}


def planted(folder: Path) -> None:
    for name, text in {**SECRETS, **HARMLESS, "servelab.py": "print()"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("how", ["untracked", "tracked", "without git"])
def test_keys_and_sign_in_files_stay_here_and_are_named(tmp_path: Path, monkeypatch, how: str) -> None:
    planted(tmp_path)
    if how == "without git":
        monkeypatch.setenv("PATH", str(tmp_path / "no git here"))
    else:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
        if how == "tracked":
            subprocess.run(["git", "-C", str(tmp_path), "add", "-f", "."], check=True)
    tree = pack(tmp_path)
    with tarfile.open(fileobj=io.BytesIO(tree.archive)) as tar:
        names = set(tar.getnames())
        listing = tar.extractfile(".servelab-files")
        assert listing is not None and not set(listing.read().decode().splitlines()) & set(SECRETS)
    assert not names & set(SECRETS) and "servelab.py" in names and {"reserve/a.py", "README.md"} <= names
    inside = {"reserve/login.sh", "notebooks/mine.yaml", "tests/token.txt"}
    assert set(tree.kept_back) == (inside if how == "without git" else set(SECRETS))


def test_a_checkout_below_a_repository_that_ignores_it_is_sent_all_the_same(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("kit\n")
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "servelab.py").write_text("print()")
    assert set(members(tmp_path / "kit")) == {"servelab.py", ".servelab-files"}


def test_the_digest_follows_content_name_and_mode(kit: Path) -> None:
    first = pack(kit).digest
    assert pack(kit).digest == first
    (kit / "servelab.py").chmod(0o755)
    second = pack(kit).digest
    (kit / "servelab.py").write_text("y")
    third = pack(kit).digest
    (kit / "servelab.py").rename(kit / "Makefile")
    assert len({first, second, third, pack(kit).digest}) == 4


def test_a_checkout_that_is_too_large_is_told_with_the_file(kit: Path, monkeypatch) -> None:
    monkeypatch.setattr(checkout, "SIZE_LIMIT_MB", 0.000001)
    with pytest.raises(SiteError, match=r"more than .* MB .*\(up to setup.sh\).*\.gitignore"):
        pack(kit)


def test_grades_and_plans_stay_here_whatever_git_ignores(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    made = ("grades.csv", "course/gradebook.db", "plan/plan.csv", "autograder.zip", "roster.csv", "submissions/a.zip")
    for name in (*made, "servelab.py", "reserve/plan/verb.py", "reserve/plan/course/roster.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert set(members(tmp_path)) == {
        *("servelab.py", "reserve/plan/verb.py", "reserve/plan/course/roster.py", ".servelab-files"),
    }
