"""Pins: whether the Dockerfiles have them, and whether they resolve."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from reserve.containers.pins import FOLDER, Pins
from snippets.errors import SiteError

ARGUMENT = re.compile(r"^ARG (\w+)=?(.*)$", re.MULTILINE)
UNREACHABLE = ("error sending request", "dns error", "Could not connect", "tunnel error")


def dockerfiles() -> list[Path]:
    """The kit's Dockerfiles."""
    return sorted(FOLDER.glob("*/Dockerfile"))


def problems(pins: Pins) -> list[str]:
    """Where the Dockerfiles and pins.toml do not agree, a line each; empty when all is well. Needs no network.

    What holds for any Dockerfile is hadolint's to say (`make lint`).
    """
    found, used = [], set()
    known = pins.arguments()
    for path in dockerfiles():
        where = f"{path.parent.name}/{path.name}"
        for name, default in ARGUMENT.findall(path.read_text(encoding="utf-8")):
            used.add(name)
            if name not in known:
                found.append(f"{where}: ARG {name} is not in pins.toml")
            elif default != known[name]:
                found.append(f"{where}: ARG {name} is {default or 'empty'}, pins.toml says {known[name]}")
    found += [f"pins.toml: no Dockerfile uses {name}" for name in known if name not in used]
    folders = {path.parent.name for path in dockerfiles()}
    return found + [
        f"pins.toml: {one.argument} is for {one.image}, which is no image"
        for one in pins.packages
        if one.image not in folders
    ]


def write(pins: Pins) -> list[Path]:
    """Set the Dockerfiles' ARG defaults to what pins.toml says; the files that changed."""
    changed = []
    for path in dockerfiles():
        text = path.read_text(encoding="utf-8")
        new = text
        for name, value in pins.arguments().items():
            new = re.sub(rf"^ARG {name}=.*$", f"ARG {name}={value}", new, flags=re.MULTILINE)
        if new != text:
            path.write_text(new, encoding="utf-8")
            changed.append(path)
    return changed


def resolutions(pins: Pins) -> dict[str, str]:
    """For each image: empty if its Python packages resolve from wheels, else the resolver's complaint.

    Asks the package index through uv; SiteError where it cannot be reached.
    """
    wanted: dict[str, Installs] = {}
    for image, (python, platform) in pins.inside.items():
        own = tuple(f"{package.name}=={package.version}" for package in pins.packages if package.image == image)
        wanted[image] = Installs(own, python, platform)
    with ThreadPoolExecutor(3) as pool:
        answers = pool.map(lambda name: _resolve(name, wanted[name]), wanted)
        return dict(zip(wanted, answers, strict=True))


@dataclass(frozen=True)
class Installs:
    """What an image installs, and the Python and platform that its wheels must fit."""

    packages: tuple[str, ...]
    python: str
    platform: str


def _resolve(image: str, wanted: Installs) -> str:
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write("\n".join(wanted.packages))
        file.flush()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "uv",
                "pip",
                "compile",
                file.name,
                "--quiet",
                "--no-header",
                "--no-annotate",
                "--python-version",
                wanted.python,
                "--python-platform",
                wanted.platform,
                "--only-binary",
                ":all:",
            ],
            capture_output=True,
            text=True,
            timeout=300,
        )
    if done.returncode == 0:
        return ""
    if any(word in done.stderr for word in UNREACHABLE):
        raise SiteError(f"The package index cannot be reached, so the pins cannot be resolved: {done.stderr.strip()}")
    return f"{image}: Python {wanted.python} on {wanted.platform}: {done.stderr.strip()}"
