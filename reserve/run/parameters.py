"""Parameters of the notebooks, as their cells tagged `parameters` declare them, checked before anything runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from snippets.course import SETTINGS, course, own_name
from snippets.errors import UsageError
from snippets.parts import expand, notebooks
from snippets.quick_import import without_iri_checks

# Set by options of `servelab run`, not by -p.
BY_OPTION = {"profile": "--profile", "runs": "--runs", "run_id": "--run-id", "mode": "--mode"}


@dataclass(frozen=True)
class Parameter:
    """One parameter of one notebook. `kind` is its annotation's text, `default` the source text of its value;
    `own`: that value is the course's (`own/course.toml`), whatever the notebook's cell says."""

    name: str
    kind: str
    default: str
    meaning: str
    notebook: str
    own: bool = False


def _boolean(text: str) -> bool:
    known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in known:
        raise ValueError(text)
    return known[text.lower()]


def _numbers(kind: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    return lambda text: [kind(item) for item in text.strip("[]").split(",") if item.strip()]


_PARSERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": _boolean,
    "list[int]": _numbers(int),
    "list[float]": _numbers(float),
    "list[str]": _numbers(str.strip),
}


def of_notebook(path: Path) -> tuple[Parameter, ...]:
    """Parameters that a notebook declares, read by papermill. Raises UsageError if it has no such cell."""
    without_iri_checks()
    import papermill

    found = papermill.inspect_notebook(str(path))
    if not found:
        raise UsageError(f"{path} has no cell tagged 'parameters'. Build the notebooks again: make notebooks.")
    return tuple(
        Parameter(
            name,
            _kind(entry),
            entry["default"],
            (entry["help"] or "").strip(),
            path.stem,
        )
        for name, entry in found.items()
    )


def _kind(entry: Mapping[str, Any]) -> str:
    """The annotation's text, else the type of the default; papermill says "None" where there is no annotation."""
    annotated = str(entry["inferred_type_name"] or "None")
    return annotated if annotated != "None" else type(ast.literal_eval(entry["default"])).__name__


def of_parts(parts: Iterable[str]) -> dict[Path, tuple[Parameter, ...]]:
    """Parameters of every notebook of the parts, with the values that the course's own settings give them.

    Raises UsageError for a setting that no notebook of its part has, or of another type.
    """
    found: dict[Path, tuple[Parameter, ...]] = {}
    given = course().parameters
    for part in parts:
        declared = {path: of_notebook(path) for path in notebooks(part)}
        known = {one.name for parameters in declared.values() for one in parameters}
        for name in given.get(part, {}):
            if name not in known or name in BY_OPTION:
                raise UsageError(
                    f"{own_name(SETTINGS)}: [parameters.{part}] {name}: no notebook of {part} has such a parameter. "
                    f"The parameters are:\n{parameters_text(declared)}"
                )
        found |= {
            path: tuple(_with_own(one, given.get(part, {})) for one in parameters)
            for path, parameters in declared.items()
        }
    return found


def _with_own(parameter: Parameter, given: Mapping[str, Any]) -> Parameter:
    if parameter.name not in given:
        return parameter
    value = given[parameter.name]
    parse = _PARSERS.get(parameter.kind.replace(" ", ""), str)
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    try:
        return replace(parameter, default=repr(parse(text)), own=True)
    except ValueError:
        raise UsageError(
            f"{own_name(SETTINGS)}: {parameter.name} of {parameter.notebook} is of type {parameter.kind}, "
            f"not {value!r}."
        ) from None


def parse_settings(settings: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE` texts as a dict. Raises UsageError for a text without `=` or a name given twice."""
    values: dict[str, str] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"-p {text!r} is not of the form NAME=VALUE.")
        if name.strip() in values:
            raise UsageError(f"-p {name.strip()} is given twice; give it once.")
        values[name.strip()] = value.strip()
    return values


@dataclass(frozen=True)
class Params:
    """What is injected into one notebook: typed values by name."""

    notebook: Path
    values: Mapping[str, Any]


def resolve(
    settings: Iterable[str], by_option: Mapping[str, Any], known: Mapping[Path, tuple[Parameter, ...]]
) -> tuple[Params, ...]:
    """The parameters of each notebook, in order: each setting and option goes to the notebooks that declare it.

    `settings` are `-p` texts, `by_option` values of the command's own options. Raises UsageError for an unknown name
    or a value of the wrong type, listing every valid parameter.
    """
    values = parse_settings(settings)
    declared = {p.name for parameters in known.values() for p in parameters}
    for name in values:
        if name in BY_OPTION:
            raise UsageError(f"-p {name}=... is set by the option {BY_OPTION[name]}; use that.")
        if name not in declared:
            raise UsageError(f"There is no parameter {name!r}. The parameters are:\n{parameters_text(known)}")
    found = []
    for path, parameters in known.items():
        given = {p.name: ast.literal_eval(p.default) for p in parameters if p.own}
        given |= {p.name: by_option[p.name] for p in parameters if p.name in by_option}
        typed = {p.name: _typed(p, values[p.name], known) for p in parameters if p.name in values}
        found.append(Params(path, given | typed))
    return tuple(found)


def _typed(parameter: Parameter, text: str, known: Mapping[Path, tuple[Parameter, ...]]) -> Any:
    parse = _PARSERS.get(parameter.kind.replace(" ", ""))
    if parse is None:
        raise UsageError(
            f"The notebook {parameter.notebook} declares {parameter.name} as {parameter.kind}, which -p "
            f"cannot set; it sets {', '.join(_PARSERS)}."
        )
    try:
        return parse(text)
    except ValueError:
        raise UsageError(
            f"The parameter {parameter.name} takes a value of type {parameter.kind}, not {text!r}. "
            f"The parameters are:\n{parameters_text(known)}"
        ) from None


def parameters_text(known: Mapping[Path, tuple[Parameter, ...]]) -> str:
    """One line a parameter: name, type, default, meaning, and the notebooks that read it."""
    merged: dict[str, list[Parameter]] = {}
    for parameters in known.values():
        for parameter in parameters:
            if parameter.name not in BY_OPTION:
                merged.setdefault(parameter.name, []).append(parameter)
    rows = []
    for name, uses in sorted(merged.items()):
        where = ", ".join(dict.fromkeys(use.notebook for use in uses))
        meaning = next((use.meaning for use in uses if use.meaning), "")
        rows.append((name, uses[0].kind, uses[0].default, f"{meaning} [{where}]".strip()))
    widths = [max(len(row[i]) for row in [*rows, ("", "", "", "")]) for i in range(3)]
    return "\n".join("  " + "  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]) for row in rows)


def describe(part: str) -> str:
    """The parameters of a part (or of `all`), for printing."""
    return parameters_text(of_parts(expand(part)))
