"""`servelab check`: what a run still lacks before it is handed in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from grading.questions import answer_to, format_problem, is_blank, is_late, questions
from grading.questions.schema import extras
from grading.questions.which_run import Choice, choose_run
from grading.shown import line
from grading.submission.collect import screenshots
from snippets.errors import UsageError
from snippets.model.challenge import STEP
from snippets.parts import NOTEBOOKS
from snippets.record.run import Record, load_record


@dataclass(frozen=True)
class Finding:
    """One remark on a run. `missing` counts against completeness; other findings are for information."""

    subject: str
    message: str
    missing: bool = True


def run_folder(part: str, run: Path | None) -> Path:
    """The run named, or the one of the part that `choose_run` finds; UsageError where there is none."""
    return run or choose_run(part).folder


def examine(record: Record, notebooks: Path = NOTEBOOKS) -> list[Finding]:
    """What a run lacks: answers, readable answers, screenshots, measurements, whole files."""
    findings = []
    answered = {answer["question"] for answer in record.answers}
    asked = (*questions(record.part), *(extra for extra in extras(record.part) if extra.id in answered))
    measured = set(record.names())
    for question in asked:
        counted = answer_to(question, record)
        if question.kind != "screenshot":
            if counted is None or is_blank(counted["value"]):
                findings.append(Finding(question.id, "no answer yet"))
            elif problem := format_problem(question, counted["value"], older=True):
                findings.append(Finding(question.id, f"the answer cannot be read: {problem}"))
            elif question.kind == "predict" and is_late(counted):
                findings.append(Finding(question.id, "predicted after the measurement (late)", missing=False))
        lacking = [name for name in question.steps if name not in measured]
        if lacking:
            findings.append(Finding(question.id, f"not measured: {', '.join(lacking)}"))
    found = screenshots(record, asked, (), notebooks)
    findings += [Finding("screenshots", problem) for problem in found.problems]
    findings += [Finding("record", problem) for problem in record.verify()]
    return findings


def _challenge(record: Record) -> str:
    """Whether the run's model answered its challenge, and with which code."""
    steps = [step for step in record.steps if STEP.fullmatch(step.name)]
    if not steps:
        return "not answered yet; the part's last notebook does it"
    if code := str(steps[-1].inputs.get("code", "")):
        return f"answered with the code {line(code, 40)}"
    return f"answered without a code; if your course gave you one: servelab run {record.part} --challenge CODE"


def check_run(part: str, run: Path | None = None) -> tuple[str, bool]:
    """The examination of a part's run as text, and whether nothing is missing."""
    chosen = Choice(run, "") if run else choose_run(part)
    record = load_record(chosen.folder)
    if record.part != part:
        raise UsageError(f"{record.folder} is a run of part {record.part}: servelab check {record.part} --run ...")
    asked = questions(part)
    findings = examine(record)
    answered = {answer["question"] for answer in record.answers}
    done = sum(question.id in answered for question in asked)
    lines = [chosen.told] if chosen.told else []
    lines += [f"{record.folder}: {len(record.steps)} steps measured, {done} of {len(asked)} questions answered."]
    lines.append(f"Challenge: {_challenge(record)}.")
    lines += [f"  {'-' if finding.missing else ' '} {finding.subject}: {finding.message}" for finding in findings]
    complete = not any(finding.missing for finding in findings)
    lines.append(
        "Complete: hand it in with `servelab collect`."
        if complete
        else "Unanswered questions stop nothing; they earn nothing either."
    )
    return "\n".join(lines), complete
