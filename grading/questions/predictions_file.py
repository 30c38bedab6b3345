"""The predictions of a part as a file: written with the questions as comments, filled in with any editor, read before
anything is measured, and entered in the run's record ahead of the first measurement.

It is TOML, a line a prediction: `model.baseline.eager = [5, 20]`, `model.graph.winner = ["none -> basic", 0.6]`.
"""

from __future__ import annotations

import re
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from grading.errors import QuestionError
from grading.questions.asking import canonical
from grading.questions.calibration import EXPLAINED, EXPLAINED_CHOICE
from grading.questions.schema import Question, format_problem, is_blank, question, questions
from snippets.errors import UsageError
from snippets.files import write_atomic
from snippets.record.run import Run

WIDTH = 116
OPEN = '""'


def render(part: str) -> str:
    """The predictions of `part` as a file to fill in. Raises UsageError for an unknown part."""
    lines = [
        *_comment(
            f"Predictions of part {part}. They count only if they are made before the measurement, so fill this in "
            'first: replace "" by your answer, and leave "" where you make none. Then:'
        ),
        f"#     servelab run {part} --predictions THIS-FILE",
        "#",
        *_comment(f"A number is predicted as an interval, [5, 20]. {EXPLAINED}"),
        *_comment(f'A choice is predicted with its confidence, ["slower", 0.7]. {EXPLAINED_CHOICE}'),
    ]
    for asked in _predictions(part):
        plain = asked.text.replace("**", "").replace("\n", " ")
        lines += ["", *_comment(plain)]
        if asked.choices:
            lines += ["# One of: " + ", ".join(f'"{choice}"' for choice in asked.choices)]
            lines.append(f"{asked.id} = {OPEN}")
        else:
            lines.append(f"{asked.id} = {OPEN}  # [low, high] in {asked.unit}")
    return "\n".join([*lines, ""])


def write(part: str, path: Path) -> str:
    """Write the file, never over one that is there already; what was done, as a sentence. Raises UsageError,
    StorageError."""
    if path.exists():
        raise UsageError(f"{path} is there already, perhaps with your answers. Name another file, or delete this one.")
    text = render(part)
    write_atomic(path, text.encode(), setting="--predictions")
    return (
        f"wrote {path} with {len(_predictions(part))} predictions to fill in. "
        f"Then: servelab run {part} --predictions {path}"
    )


def read(path: Path, parts: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Answers by question, by part, as the record holds them; those left open are not among them.

    `parts`: those that are to be run. Raises UsageError that names file, line and remedy of the first bad entry.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(
            f"The predictions file {path} cannot be read ({why}). "
            f"Make one: servelab questions PART --predictions {path}."
        ) from None
    try:
        entries = dict(_flat(tomllib.loads(text)))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{path}: {error}. A line reads: model.baseline.eager = [5, 20], "
            'or model.graph.winner = ["none -> basic", 0.6].'
        ) from None
    found: dict[str, dict[str, Any]] = {part: {} for part in parts}
    for name, value in entries.items():
        asked = _asked(path, text, name)
        if asked.part not in parts:
            raise _bad(path, text, name, f"part {asked.part} is not what is run. Run it, or take this line out")
        if is_blank(value):
            continue
        if problem := format_problem(asked, value):
            raise _bad(path, text, name, f"{value!r}: {problem}")
        found[asked.part][name] = canonical(asked, value)
    return found


def record(run: Run, answers: Mapping[str, Any]) -> list[str]:
    """Enter the predictions in the run's record, each with its time and its place in the chain of measurements.

    Returns the ids of those that come too late: their measurement is in the record already.
    """
    late = []
    for name, value in answers.items():
        if run.answer(name, value, steps=question(name).steps)["measured"]:
            late.append(name)
    return late


def _predictions(part: str) -> list[Question]:
    return [asked for asked in questions(part) if asked.kind == "predict"]


def _comment(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in textwrap.wrap(text, WIDTH - 2))


def _flat(tables: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and their values."""
    for key, value in tables.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _asked(path: Path, text: str, name: str) -> Question:
    try:
        asked = question(name)
    except QuestionError as error:
        raise _bad(path, text, name, str(error).rstrip(".")) from None
    if asked.kind != "predict":
        raise _bad(path, text, name, "this is no prediction: answer it in its notebook, after measuring")
    return asked


def _bad(path: Path, text: str, name: str, why: str) -> UsageError:
    last = re.escape(name.rpartition(".")[2])
    lines = text.splitlines()
    exact = [n for n, line in enumerate(lines, 1) if re.match(rf'\s*"?{re.escape(name)}"?\s*=', line)]
    near = [n for n, line in enumerate(lines, 1) if re.match(rf'\s*[\w."-]*{last}"?\s*=', line)]
    where = f", line {(exact or near)[0]}" if exact or near else ""
    return UsageError(f"{path}{where}: {name}: {why}. Nothing was measured.")
