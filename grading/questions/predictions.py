"""Which predictions of a part are still open before it is measured: once it is, they are late and earn nothing.

`servelab run` and `go` call `ask_first`, and `enter` where they measure on this machine; `servelab questions --open`
is `still_open`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from grading.questions import predictions_file
from grading.questions.asking import answer_to, is_late
from grading.questions.schema import Question, format_problem, is_blank, questions
from snippets.errors import RecordError
from snippets.parts import NOTEBOOKS, expand, numbered
from snippets.record.run import Record, default_runs, load_record, open_run


class Options(Protocol):
    """What is read of a run's options: its folder of runs, its name and profile, and the file of predictions."""

    @property
    def name(self) -> str:
        """Name of the run's folder."""

    @property
    def profile(self) -> str:
        """quick or full."""

    @property
    def runs(self) -> Path | None:
        """Folder of run records; None: the default."""

    @property
    def predictions(self) -> Path | None:
        """The file, if the student names one."""


@dataclass(frozen=True)
class Open:
    """A prediction that is asked in `notebook`, and neither written there nor recorded."""

    question: Question
    notebook: Path


def open_predictions(
    part: str, run: Path | None = None, notebooks: Path = NOTEBOOKS, made: Collection[str] = ()
) -> list[Open]:
    """Predictions of `part` that can still be made in time and have not been, in the order in which they are asked.

    `run`: the folder of the run to come, which may hold answers and measurements already; None: a new run.
    `made`: those that a file holds.
    """
    record = _record(run) if run else None
    asked = {question.id: question for question in questions(part) if question.kind == "predict"}
    found = []
    for notebook in numbered(part, folder=notebooks):
        for name, answer in _answers(notebook):
            question = asked.get(name)
            if question is None or name in made or (not is_blank(answer) and format_problem(question, answer) is None):
                continue
            if record is None or not _given_or_late(question, record):
                found.append(Open(question, notebook))
    return found


def reminder(part: str, missing: list[Open]) -> str:
    """What is open and how to answer it before measuring; empty where nothing is."""
    if not missing:
        return ""
    points = sum(one.question.points for one in missing)
    held = f"{points:g} points, but only before you measure"
    lines = [f"{part}: {len(missing)} prediction{'s are' if len(missing) > 1 else ' is'} open ({held}):"]
    lines += [f"  {one.notebook.stem:24} {one.question.id}" for one in missing]
    folder = missing[0].notebook.parent
    lines += [
        f"To make them: servelab questions {part} --predictions FILE, fill FILE in, and add --predictions FILE to this",
        f"command. Or open the notebooks in {folder}, replace `...` in these ask(run, ..., answer=...) cells and save;",
        "nothing has to be run there. If a node is up already, `servelab up` sends it that.",
    ]
    return "\n".join(lines)


def still_open(part: str, file: Path | None = None) -> str:
    """What neither the notebooks of `part` nor `file` hold yet, in words. Raises UsageError for an unusable file."""
    made = predictions_file.read(file, (part,))[part] if file else {}
    return reminder(part, open_predictions(part, made=made)) or f"{part}: every prediction is made."


def remind(
    part: str,
    run_of: Callable[[str], Path],
    say: Callable[[str], None],
    confirm: Callable[[str], object] | None = None,
    notebooks: Path = NOTEBOOKS,
    made: Collection[str] = (),
) -> None:
    """Say which predictions of `part` (or of all) are open, and ask whether to go on.

    `run_of`: a part's run folder. `confirm` asks, and raises what ends the command; None where nobody can answer.
    `made`: those that a file holds. Raises UsageError for an unknown part.
    """
    texts = [reminder(each, open_predictions(each, run_of(each), notebooks, made)) for each in expand(part)]
    for text in filter(None, texts):
        say(text)
    if any(texts) and confirm is not None:
        confirm("Measure without them?")


Made = Mapping[str, Mapping[str, Any]]
"""Predictions that a file holds: answers by question, by part."""


def ask_first(
    part: str,
    options: Options,
    name: Callable[[str], str],
    say: Callable[[str], None],
    confirm: Callable[[str], object] | None = None,
) -> Made:
    """Before `part` (or all) is measured: read the file of predictions, if there is one, and `remind` of the rest.

    `name`: the name of a part's run. Raises UsageError for a file that cannot be used, before anything has happened.
    """
    parts = tuple(expand(part))
    made = predictions_file.read(options.predictions, parts) if options.predictions else {each: {} for each in parts}
    folder = options.runs or default_runs()
    names = {name for answers in made.values() for name in answers}
    remind(part, lambda each: folder / each / name(each), say, confirm, made=names)
    return made


def enter(made: Made, options: Options, say: Callable[[str], None], name: Callable[[str], str] | None = None) -> None:
    """Enter the predictions of a file in the records of the runs to come. `name`: the name of a part's run, as for
    `ask_first`. Raises as `open_run`."""
    for part, answers in made.items():
        if answers:
            run = open_run(
                part, run_id=name(part) if name else options.name, runs=options.runs or "", profile=options.profile
            )
            late = predictions_file.record(run, answers)
            say(f"{part}: {len(answers)} predictions of {options.predictions} are recorded.")
            if late:
                say(f"  Measured before already, so these are late: {', '.join(late)}")


def _given_or_late(question: Question, record: Record) -> bool:
    """Whether the record holds a prediction made in time, or the measurement that ends the time for it."""
    entry = answer_to(question, record)
    return (entry is not None and not is_late(entry)) or any(step in record.names() for step in question.steps)


def _record(run: Path) -> Record | None:
    try:
        return load_record(run)
    except RecordError:
        return None  # not begun: nothing is answered, nothing is measured


def _answers(notebook: Path) -> list[tuple[str, object]]:
    """Question and answer of each ask(run, "question", answer=...) of a notebook; what is no literal is `...`."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    found: list[tuple[str, object]] = []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "ask(" in source:
            found += _calls(source)
    return found


def _calls(source: str) -> list[tuple[str, object]]:
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell of the student's own, with a magic: it asks nothing that could be read
        return []
    return [
        (str(ast.literal_eval(node.args[1])), _literal(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "ask"
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
    ]


def _literal(call: ast.Call) -> object:
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "answer"), None)
    if given is None:
        return ...
    try:
        return ast.literal_eval(given)
    except ValueError:
        return ...
