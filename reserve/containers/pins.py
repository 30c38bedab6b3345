"""The one file of versions, `pins.toml`, and the build arguments that follow from it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snippets.errors import UsageError

FOLDER = Path(__file__).parent
EXACT_TAG = re.compile(r"[\w./-]+(:\d[\w.-]*|@sha256:[0-9a-f]{64})")
EXACT_VERSION = re.compile(r"\d+(\.\d+)+([a-z]+\d+)?")


@dataclass(frozen=True)
class Package:
    """A Python package pinned for one image."""

    argument: str
    name: str
    version: str
    image: str
    reason: str


@dataclass(frozen=True)
class Pins:
    """pins.toml. `images` and `reasons` by build argument; `inside`: (python, platform) of an image."""

    images: dict[str, str]
    reasons: dict[str, str]
    packages: tuple[Package, ...]
    inside: dict[str, tuple[str, str]]

    def arguments(self) -> dict[str, str]:
        """Every build argument that carries a version, with its value."""
        return {**self.images, **{package.argument: package.version for package in self.packages}}


def load(path: Path = FOLDER / "pins.toml") -> Pins:
    """Read pins.toml. Raises UsageError, naming the entry, for a version that is not exact or has no reason."""
    try:
        read: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from None
    for argument, entry in {**read["image"], **read["package"]}.items():
        if not str(entry.get("reason", "")).strip():
            raise UsageError(f"{path.name}: {argument} has no reason. Say why it is this version.")
    for argument, entry in read["image"].items():
        if not EXACT_TAG.fullmatch(entry["name"]):
            raise UsageError(f"{path.name}: {argument} = {entry['name']} is not exact. Give a version tag or a digest.")
    for argument, entry in read["package"].items():
        if not EXACT_VERSION.fullmatch(entry["version"]):
            raise UsageError(f"{path.name}: {argument} = {entry['version']} is not an exact version.")
    return Pins(
        images={argument: entry["name"] for argument, entry in read["image"].items()},
        reasons={argument: entry["reason"].strip() for argument, entry in {**read["image"], **read["package"]}.items()},
        packages=tuple(Package(argument=argument, **entry) for argument, entry in read["package"].items()),
        inside={name: (entry["python"], entry["platform"]) for name, entry in read.get("inside", {}).items()},
    )
