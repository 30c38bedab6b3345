"""The checkout as it is, dirty or not, as one archive for a node; without what must not leave this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from reserve.errors import SiteError
from reserve.node.secrets import is_secret
from snippets.parts import OWN, PARTS, for_staff

LEFT_OUT = {
    ".git",
    ".venv",
    ".servelab",
    "runs",
    "__pycache__",
    ".ipynb_checkpoints",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
}
OF_THE_KIT = {
    *("benchmarks", "grading", "images", "notebooks", OWN, "reserve", "snippets", "tests"),
    *("servelab.py", "setup.sh", "Makefile", "pyproject.toml", "constraints.txt", "environment.yml", "LICENSE"),
    *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "AGENTS.md"),
}
"""What lies at the top of the kit: all that is sent of a folder of which git knows nothing, where anything may lie."""
OF_INSTRUCTORS = (
    "course/",
    "plan/",
    "submissions/",
    "grades.",
    "autograder.zip",
    "template.pdf",
    "viva.html",
    "roster",
)
"""How the names begin of what instructors' verbs write at the top: people's grades and plans are no node's business,
whatever git ignores."""
NOT_FOR_A_DEVICE = ("tests/", "images/", "benchmarks/", "snippets/model/weights/", "snippets/smaller/weights/")
"""What a small device has no use for: its models and photos are sent apart."""
SIZE_LIMIT_MB = 200


@dataclass(frozen=True)
class Tree:
    """The files of the kit: their digest, the commit they belong to, and a gzipped tar of them.

    `kept_back`: files that are not in it because they are keys or hold a sign-in.
    """

    digest: str
    commit: str
    archive: bytes
    kept_back: tuple[str, ...] = ()


def _git(root: Path, *words: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def listed(root: Path) -> list[str]:
    """Names of the files at `root` that leave this machine: what git tracks and what is new and not ignored; without
    git, what is of the kit, less caches and runs. Never what is for staff only."""
    tracked = _git(root, "ls-files", "-coz", "--exclude-standard")
    if tracked:
        names = [name for name in tracked.decode(errors="surrogateescape").split("\0") if name]
    else:
        found = [
            path.relative_to(root) for name in sorted(OF_THE_KIT) for path in (root / name, *(root / name).rglob("*"))
        ]
        names = [str(path) for path in found if not any(part in LEFT_OUT or part[0] == "." for part in path.parts)]
    return sorted(
        {
            name
            for name in names
            if not _for_instructors(name) and (root / name).is_file() and not (root / name).is_symlink()
        }
    )


def _for_instructors(name: str) -> bool:
    return for_staff(name) or name.startswith(OF_INSTRUCTORS) or name.endswith("gradebook.db")


def _for_a_device(names: list[str], part: str) -> list[str]:
    others = tuple(f"notebooks/{each}/" for each in PARTS if each != part)
    kept = [name for name in names if not name.startswith((*NOT_FOR_A_DEVICE, *others))]
    return [name for name in kept if not name.startswith(f"{OWN}/") or _small(name, part)]


def _small(name: str, part: str) -> bool:
    """Whether a file of the course's own is none of its data and weights, nor another part's notebook."""
    return name.endswith((".toml", ".py")) or name.startswith(f"{OWN}/notebooks/{part}/")


def pack(root: Path, device_part: str = "") -> Tree:
    """Archive the checkout at `root`, without keys and sign-in files. Raises SiteError above SIZE_LIMIT_MB.

    `device_part`: only what a small device needs for that part.
    """
    digest = hashlib.sha256()
    buffer = io.BytesIO()
    size = 0
    names = _for_a_device(listed(root), device_part) if device_part else listed(root)
    sent, kept_back = [], []
    with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=1, mtime=0) as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in names:
                path = root / name
                content = path.read_bytes()
                if is_secret(name, content):
                    kept_back.append(name)
                    continue
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
                sent.append(name)
            _add(tar, ".servelab-files", "\n".join(sent) + "\n")
    commit = (_git(root, "rev-parse", "HEAD") or b"").decode().strip() or "unknown"
    if _git(root, "status", "--porcelain"):
        commit += "+changes"
    return Tree(digest.hexdigest(), commit, buffer.getvalue(), tuple(kept_back))


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(text.encode(errors="surrogateescape"))
    tar.addfile(info, io.BytesIO(text.encode(errors="surrogateescape")))
