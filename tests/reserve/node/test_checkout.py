"""The checkout as an archive: which files, which modes, how much at most."""

from __future__ import annotations

import io
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
    for name in ("a.py", "runs/model/record.json", "sub/__pycache__/a.pyc", "sub/b.sh"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "sub/b.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("/etc/passwd")
    return tmp_path


def test_without_git_all_but_caches_runs_and_links_goes(kit: Path) -> None:
    assert members(kit) == {"a.py": 0o644, "sub/b.sh": 0o755, ".servelab-files": 0o644}
    assert pack(kit).commit == "unknown"


def test_the_digest_follows_content_name_and_mode(kit: Path) -> None:
    first = pack(kit).digest
    assert pack(kit).digest == first
    (kit / "a.py").chmod(0o755)
    second = pack(kit).digest
    (kit / "a.py").write_text("y")
    third = pack(kit).digest
    (kit / "a.py").rename(kit / "c.py")
    assert len({first, second, third, pack(kit).digest}) == 4


def test_a_checkout_that_is_too_large_is_told_with_the_file(kit: Path, monkeypatch) -> None:
    monkeypatch.setattr(checkout, "SIZE_LIMIT_MB", 0.000001)
    with pytest.raises(SiteError, match=r"more than .* MB .*\(up to sub/b.sh\).*\.gitignore"):
        pack(kit)
