"""Which of a part's runs is meant where none is named: the one with the student's answers, however new another is."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from grading.questions.asking import answer_to, is_late
from grading.questions.schema import is_blank, questions
from snippets.errors import RecordError, UsageError
from snippets.parts import PARTS, check_part
from snippets.record.document import has_steps, written_ns
from snippets.record.head import HEAD
from snippets.record.run import default_runs, load_record
from snippets.record.settings import PROFILES


@dataclass(frozen=True)
class Counts:
    """What speaks for a run: its answers that count, of these the predictions made in time, whether it measured
    anything, whether it is the part's own (not one of a grid, or with other parameters), when it was written (ns)."""

    answers: int
    in_time: int
    measured: bool
    plain: bool
    written: int

    @property
    def rank(self) -> tuple[bool, int, int, bool, int]:
        """Of two runs the one with the greater rank is meant: answers earn nothing where nothing is measured."""
        return self.measured, self.answers, self.in_time, self.plain, self.written

    def __str__(self) -> str:
        if self.answers:
            early = f", with {self.in_time} in time" if self.in_time else ""
            return f"{self.answers} answer{'s' * (self.answers > 1)}{early}" + ", not measured" * (not self.measured)
        return "no answers" if self.measured else "nothing measured, no answers"


@dataclass(frozen=True)
class Choice:
    """The run that is meant, and why, in a sentence that names the others."""

    folder: Path
    told: str


def counts_of(run: Path) -> Counts:
    """What speaks for the run in this folder. A record that cannot be read has no answers."""
    plain = not run.name.startswith(tuple(f"{profile}-" for profile in PROFILES))
    try:
        record = load_record(run)
    except RecordError:
        return Counts(0, 0, has_steps(run), plain, written_ns(run))
    answers = in_time = 0
    for question in questions(record.part):
        entry = answer_to(question, record)
        if entry is not None and not is_blank(entry["value"]):
            predicted = question.kind == "predict"
            answers += not (predicted and is_late(entry))
            in_time += predicted and not is_late(entry)
    return Counts(answers, in_time, bool(record.steps), plain, written_ns(run))


def runs_of(part: str, runs: Path | None = None) -> list[Path]:
    """All run folders of a part, the one that is meant first."""
    folders = [head.parent for head in (runs or default_runs()).glob(f"{part}/*/{HEAD}")]
    return sorted(folders, key=lambda run: counts_of(run).rank, reverse=True)


def choose_run(part: str, runs: Path | None = None) -> Choice:
    """The run of `part` that is meant where none is named: of those that measured, the one with the most answers, then
    with the most predictions in time, then one without parameters of its own, then the newest.

    Raises UsageError for no part, and where it has no run.
    """
    check_part(part, all_too=False)
    folders = runs_of(part, runs)
    if not folders:
        raise UsageError(
            f"There is no run of part {part} yet. `servelab run {part}` makes one, or work through notebooks/{part}/."
        )
    chosen, *others = folders
    if not others:
        return Choice(chosen, f"{part}: {chosen}, its only run")
    newest = max(folders, key=written_ns)
    why = f"{counts_of(chosen)}" + (", the newest" if newest == chosen else "")
    named = [f"{run.name} ({counts_of(run)}{', the newest' if run == newest else ''})" for run in others[:4]]
    more = f" and {len(others) - 4} more" if len(others) > 4 else ""
    return Choice(
        chosen,
        f"{part}: {chosen} of {len(folders)} runs ({why}). Beside it: {', '.join(named)}{more}; name a run's folder to "
        "take that one.",
    )


def run_named(name: str) -> Choice:
    """The run that a command's RUN argument means: a part's name, or a folder (or its record.json).

    Raises UsageError for what is there neither way and looks like a part's name.
    """
    if name in PARTS:
        return choose_run(name)
    near = get_close_matches(name.lower(), PARTS, n=1)
    if near and not Path(name).exists():
        raise UsageError(
            f"There is no run {name!r} and no part of that name. Did you mean {near[0]}? (Or name a run's folder, such "
            f"as runs/{near[0]}/quick.)"
        )
    return Choice(Path(name), "")
