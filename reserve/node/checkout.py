"""The checkout as it is, dirty or not, as one archive for a node."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from reserve.errors import SiteError

LEFT_OUT = {
    ".git",
    ".venv",
    "runs",
    "__pycache__",
    ".ipynb_checkpoints",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
}
STAFF = "grading/staff/"
"""What is for graders only: a student's node does not get it."""
SIZE_LIMIT_MB = 200


@dataclass(frozen=True)
class Tree:
    """The files of the kit: their digest, the commit they belong to, and a gzipped tar of them."""

    digest: str
    commit: str
    archive: bytes


def _git(root: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _files(root: Path) -> list[str]:
    """Tracked files, and untracked ones that git does not ignore; without git, all but caches and runs."""
    listed = _git(root, "ls-files", "-coz", "--exclude-standard")
    if listed is not None:
        names = [name for name in listed.decode(errors="surrogateescape").split("\0") if name]
    else:
        names = [str(p.relative_to(root)) for p in root.rglob("*") if not LEFT_OUT & set(p.relative_to(root).parts)]
    return sorted(
        {
            name
            for name in names
            if not name.startswith(STAFF) and (root / name).is_file() and not (root / name).is_symlink()
        }
    )


def pack(root: Path) -> Tree:
    """Archive the checkout at `root`. Raises SiteError if it holds more than SIZE_LIMIT_MB."""
    digest = hashlib.sha256()
    buffer = io.BytesIO()
    size = 0
    names = _files(root)
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in names:
                path = root / name
                content = path.read_bytes()
                size += len(content)
                if size > SIZE_LIMIT_MB * 1_000_000:
                    raise SiteError(
                        f"the checkout {root} holds more than {SIZE_LIMIT_MB} MB of files that git does not "
                        f"ignore (up to {name}). Add data and runs to .gitignore: the node makes its own."
                    )
                info = tarfile.TarInfo(name)
                info.size = len(content)
                info.mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
                digest.update(f"{name}\0{info.mode}\0{len(content)}\0".encode(errors="surrogateescape") + content)
                tar.addfile(info, io.BytesIO(content))
            _add(tar, ".servelab-files", "\n".join(names) + "\n")
    commit = (_git(root, "rev-parse", "HEAD") or b"").decode().strip() or "unknown"
    if _git(root, "status", "--porcelain"):
        commit += "+changes"
    return Tree(digest.hexdigest(), commit, buffer.getvalue())


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(text.encode(errors="surrogateescape"))
    tar.addfile(info, io.BytesIO(text.encode(errors="surrogateescape")))
