"""What a part's run is called, and whether the run of that name was measured with the same parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from reserve.run.options import DEFAULTS, RunOptions
from reserve.run.parameters import Parameter, Params, of_parts, parse_settings
from snippets.errors import RecordError
from snippets.record.head import HEAD
from snippets.record.read import load_record
from snippets.record.settings import check_name, measured_with, name_of, require_same


def named(part: str, options: RunOptions) -> RunOptions:
    """The options with the name of the part's run: the one asked for; else the profile's and that of each `-p` that
    is not as the part's notebooks have it, so that other parameters are another run.

    Raises UsageError for a name that is no folder's, and for a setting that is not NAME=VALUE.
    """
    if options.run_id is None:
        profile = options.profile or DEFAULTS.profile
        options = replace(options, run_id=name_of(profile, changed(part, options.params)))
    check_name("--run-id", options.name)
    return options


def changed(part: str, settings: Iterable[str]) -> list[str]:
    """The NAME=VALUE texts that the part's notebooks know, by name, without those that say what is so anyway."""
    texts = parse_settings(settings)
    if not texts:
        return []
    declared = [parameter for parameters in of_parts((part,)).values() for parameter in parameters]
    found = []
    for name, text in sorted(texts.items()):
        uses = [parameter for parameter in declared if parameter.name == name]
        if any(_default_text(use) != text for use in uses):
            found.append(f"{name}={text}")
    return found


def _default_text(parameter: Parameter) -> str:
    try:
        return str(ast.literal_eval(parameter.default))
    except (ValueError, SyntaxError):
        return parameter.default


def require_run(folder: Path) -> None:
    """Raise RecordError, naming the part's other runs, where `folder` holds no run that could be replayed."""
    if (folder / HEAD).is_file():
        return
    others = sorted(head.parent.name for head in folder.parent.glob(f"*/{HEAD}"))
    known = (
        f"The runs of {folder.parent.name} there: {', '.join(others)} (--run-id)" if others else "It has no run there"
    )
    raise RecordError(
        f"There is no run {folder.name} to replay in {folder.parent}. {known}. Without --mode replay, "
        f"`servelab run {folder.parent.name}` with the same parameters measures it."
    )


def require_same_run(folder: Path, every: Iterable[Params], known: Mapping[Path, tuple[Parameter, ...]]) -> None:
    """Raise UsageError where the run in `folder` was measured with other parameters than its notebooks now get.

    Before anything of the run is touched: its executed notebooks stay as they are, too.
    """
    try:
        record = load_record(folder)
    except RecordError:
        return  # not begun; or damaged, which the first notebook says
    held = measured_with(record.parameters, dict.fromkeys(step.notebook for step in record.steps))
    for params in every:
        require_same(folder, held, _values(params, known[params.notebook]))


def _values(params: Params, declared: Iterable[Parameter]) -> dict[str, Any]:
    """All parameters of a notebook, by name: as given, else as it declares them."""
    values = {}
    for parameter in declared:
        try:
            values[parameter.name] = ast.literal_eval(parameter.default)
        except (ValueError, SyntaxError):
            continue  # an expression: only the notebook knows its value, and it looks, too
    return {**values, **params.values}
