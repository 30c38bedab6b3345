"""A run's name and its parameters: one run has one value of each, so that all who read it mean the same measurement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from snippets.errors import UsageError
from snippets.files import sha256_text

LONGEST_NAME = 120
PROFILES = ("quick", "full")
# Parameters on which nothing depends that was measured before: a run goes on with another value of them.
OF_NO_MEASUREMENT = frozenset({"challenge"})
_KINDS: dict[Any, str] = {
    str: "text, between quotes",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
}
_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*")


_ACCEPTS: dict[Any, tuple[type, ...]] = {**{kind: (kind,) for kind in _KINDS}, float: (int, float)}


def check_name(what: str, name: str) -> None:
    """Raise UsageError unless `name` can be a folder's, inside the one that it is looked for in."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{what} is {name!r}; use letters, digits, '.', '_' and '-', a letter or digit first: it names one folder."
        )


def check_types(parameters: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    """Raise UsageError for a parameter whose value is not of the plain type that it is declared with.

    `declared`: types by name, such as a notebook's `__annotations__`. A whole number does as a float, too.
    """
    for name, value in parameters.items():
        kind = declared.get(name)
        if kind not in _KINDS:
            continue
        fits = isinstance(value, _ACCEPTS[kind]) and (kind is bool or not isinstance(value, bool))
        if not fits:
            raise UsageError(
                f"The parameter {name} is {value!r}, and takes {_KINDS[kind]}. Correct it in the notebook's first code "
                "cell and run that again."
            )


def name_of(profile: str, settings: Iterable[str]) -> str:
    """The name of a run with these NAME=VALUE texts: the profile's and theirs, such as `quick-threads-2`.

    Where that would be too long for a folder, it ends in a hash of the whole.
    """
    whole = "-".join([profile, *(text for text in settings if text.partition("=")[0] not in OF_NO_MEASUREMENT)])
    name = re.sub(r"[^A-Za-z0-9._]+", "-", whole).strip("-")
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 9]}-{sha256_text(whole)[:8]}"


def measured_with(parameters: Mapping[str, Mapping[str, Any]], measured: Iterable[str]) -> dict[str, Any]:
    """The value of each parameter that a run was measured with.

    `parameters`: those of a record's head, by notebook; `measured`: notebooks that have steps in the record.
    """
    held: dict[str, Any] = {}
    for notebook in measured:
        held = {**parameters.get(notebook, {}), **held}
    return held


def require_same(folder: Path, held: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise UsageError, with both ways out, where `wanted` differs from what the run in `folder` was measured with.

    A parameter that only one of them knows is no contradiction: it came with another notebook, or a later kit.
    """
    other = {
        name: value
        for name, value in wanted.items()
        if name in held and held[name] != value and name not in OF_NO_MEASUREMENT
    }
    if not other:
        return
    had = ", ".join(f"{name}={held[name]!r}" for name in other)
    asked = ", ".join(f"{name}={value!r}" for name, value in other.items())
    profile = str(wanted.get("profile", held.get("profile", "")))
    texts = [f"{name}={value}" for name, value in other.items() if name != "profile"]
    fresh = name_of(profile or folder.name, texts)
    fresh = fresh if fresh != folder.name else f"{fresh}-2"
    raise UsageError(
        f"The run {folder} was measured with {had}, not {asked}: a run has one set of parameters. For a run of its "
        f'own, set run_id = "{fresh}" in its notebooks (--run-id {fresh}); to go on with this one, leave {had}.'
    )
