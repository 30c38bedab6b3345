"""onnxruntime-web for the page: fetched from npm once, checked, and kept in the kit's cache.

    python -m snippets.edge.browser.vendor         # what `make browser` runs

Which version, its checksum and which of its files the page needs stand in onnxruntime_web.toml. npm decides where it
comes from (its own configuration names the registry); nothing of it is part of the checkout.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from snippets.errors import DataError, KitError, ToolMissing
from snippets.files import building, cache_folder, sha256_file

TABLE = Path(__file__).with_name("onnxruntime_web.toml")
LIMIT_S = 300.0
MOST_BYTES = 15_000_000
Npm = Callable[[str, Path], Path]
"""Fetches the package of a name with its version into a folder, as one archive, and says where it is."""


@dataclass(frozen=True)
class Package:
    """What is fetched: `integrity` is npm's (sha512, base64) of the archive; `files`: SHA-256 by path within it."""

    name: str
    version: str
    integrity: str
    files: dict[str, str]

    @property
    def folder(self) -> Path:
        """Where its files are kept."""
        return cache_folder() / f"{self.name}-{self.version}"

    def path(self, name: str) -> Path:
        """One of its files by its last name."""
        return self.folder / name


@lru_cache(maxsize=1)
def package() -> Package:
    """The package that the kit is made for."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return Package(table["name"], table["version"], table["integrity"], dict(table["files"]))


def absence(wanted: Package | None = None) -> str:
    """Why the page cannot be served here, with the remedy; empty where every file is there and whole."""
    wanted = wanted or package()
    for name, checksum in wanted.files.items():
        file = wanted.path(Path(name).name)
        if not file.is_file():
            return f"{wanted.name} {wanted.version} is not here yet: run `make browser`, which fetches it with npm"
        if sha256_file(file) != checksum:
            return f"{file} was changed: remove its folder and run `make browser`"
    return ""


def npm_pack(name: str, folder: Path) -> Path:
    """The archive of a package, by npm. Raises ToolMissing without npm, DataError with its words where it fails."""
    if not (npm := shutil.which("npm")):
        raise ToolMissing(
            "npm is not installed, which fetches onnxruntime-web for the page. Debian or Ubuntu: sudo apt-get install "
            "npm; then run `make browser`."
        )
    try:
        done = subprocess.run(
            [npm, "pack", name, "--silent", "--ignore-scripts", "--pack-destination", str(folder)],
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            cwd=folder,
        )
    except subprocess.TimeoutExpired:
        raise DataError(f"npm had not fetched {name} after {LIMIT_S:.0f} s. Check the network and try again.") from None
    archives = sorted(folder.glob("*.tgz"))
    if done.returncode or not archives:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise DataError(
            f"npm could not fetch {name} ({'; '.join(said[:2])[:300] or 'it gives no reason'}). Check the network, and "
            "`npm config get registry`; then run `make browser`."
        )
    return archives[0]


def vendor(wanted: Package | None = None, npm: Npm = npm_pack) -> Path:
    """The folder with the package's files, fetched and checked if they are not there; returns at once if they are.

    Raises ToolMissing, DataError (not to be had, or another file than the pinned one), StorageError.
    """
    wanted = wanted or package()
    if not absence(wanted):
        return wanted.folder
    shutil.rmtree(wanted.folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="servelab-npm-") as scratch, building(wanted.folder) as folder:
        if folder is not None:
            _unpack(wanted, npm(f"{wanted.name}@{wanted.version}", Path(scratch)), folder)
    return wanted.folder


def _unpack(wanted: Package, archive: Path, folder: Path) -> None:
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != wanted.integrity:
        raise DataError(
            f"npm brought another {wanted.name} {wanted.version} than the pinned one ({found[:24]}... instead of "
            f"{wanted.integrity[:24]}...). Nothing was kept. Check `npm config get registry`."
        )
    with tarfile.open(archive) as packed:
        for name, checksum in wanted.files.items():
            member = packed.extractfile(name)
            assert member is not None  # the archive is the pinned one, byte for byte
            file = folder / Path(name).name
            file.write_bytes(member.read())
            assert sha256_file(file) == checksum, name


def size_bytes(wanted: Package | None = None) -> int:
    """Bytes of the files that are kept."""
    wanted = wanted or package()
    return sum(wanted.path(Path(name).name).stat().st_size for name in wanted.files)


def main() -> int:
    """The command: fetch what is missing, and say what is there."""
    try:
        folder = vendor()
    except KitError as error:
        print(f"browser: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{package().name} {package().version}, {size_bytes() / 1e6:.1f} MB, is in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
