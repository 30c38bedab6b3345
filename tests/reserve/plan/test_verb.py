"""The words after `servelab plan` become wishes, and one of them chooses what is done."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from reserve.plan import command
from reserve.plan.command import Outcome, PlanWishes
from reserve.plan.verb import plan
from snippets.errors import PlanError, UsageError

Done = list[tuple[str, PlanWishes, datetime | None]]
NOW = datetime(2027, 3, 8, 12, tzinfo=UTC)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> Done:
    """What would have been done, with which wishes, at which moment."""
    calls: Done = []

    def body(name: str):
        def act(asked: PlanWishes, moment: datetime | None, dry: bool = False) -> Outcome:
            calls.append((f"{name}, dry" if dry else name, asked, moment))
            return Outcome(f"{name} done")

        return act

    for name in ("make", "check_plan", "replan_class", "apply_plan", "take_requests"):
        monkeypatch.setattr(command, name, body(name))
    return calls


def said(*words: str) -> str:
    result = CliRunner().invoke(plan, list(words), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_without_words_a_plan_is_made_of_the_defaults_now(done: Done) -> None:
    assert said() == "make done\n"
    assert done == [("make", PlanWishes(Path("plan")), None)]


def test_every_word_reaches_the_wishes(done: Done) -> None:
    said(
        *("--roster", "class.csv", "--what-if", "students=6", "--due", "2027-03-20T23:59", "--tz", "America/New_York"),
        *("--from", "2027-03-08T00:00", "--calendar", "calendar.json", "--rules", "rules.toml", "--out", "spring"),
        *("--simulate", "200", "--seconds", "2.5", "--missed", "ab1:model", "--missed", "cd2:edge"),
    )
    assert [wishes for _, wishes, _ in done] == [
        PlanWishes(
            out=Path("spring"),
            roster=Path("class.csv"),
            what_if="students=6",
            due="2027-03-20T23:59",
            tz="America/New_York",
            start="2027-03-08T00:00",
            calendar=Path("calendar.json"),
            rules=Path("rules.toml"),
            simulate=200,
            seconds=2.5,
            missed=("ab1:model", "cd2:edge"),
        )
    ]


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("--check", "check_plan"),
        ("--replan", "replan_class"),
        ("--apply", "apply_plan"),
        ("--lines", "apply_plan, dry"),
    ],
)
def test_one_word_chooses_what_is_done(done: Done, word: str, what: str) -> None:
    said(word, "--now", "2027-03-08T12:00:00+00:00")
    assert done == [(what, PlanWishes(Path("plan")), NOW)]


def test_a_file_of_requests_is_a_step_of_its_own(done: Done) -> None:
    said("--requests", "form.csv")
    assert done == [("take_requests", PlanWishes(Path("plan"), requests=Path("form.csv")), None)]
    with pytest.raises(UsageError, match="--requests and --apply are two steps"):
        CliRunner().invoke(plan, ["--requests", "form.csv", "--apply"], catch_exceptions=False, standalone_mode=False)


def test_a_problem_is_said_after_everything_else_and_is_the_exit_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        command, "make", lambda asked, moment: Outcome("the plan", "1 of 2 students cannot finish: a1.")
    )
    result = CliRunner().invoke(plan, [])
    assert result.output == "the plan\n"
    assert isinstance(result.exception, PlanError) and result.exception.exit_code == 17
    assert str(result.exception) == "1 of 2 students cannot finish: a1."


@pytest.mark.parametrize(
    ("words", "terms"), [(("--dry-run",), 30), (("--dry-run", "50"), 50), (("--dry-run", "--tz", "UTC"), 30), ((), 0)]
)
def test_a_dry_run_has_thirty_terms_unless_it_says_otherwise(done: Done, words: tuple[str, ...], terms: int) -> None:
    said(*words)
    assert [wishes.dry_run for _, wishes, _ in done] == [terms]


@pytest.mark.parametrize(
    "words", [("--simulate", "1"), ("--seconds", "0"), ("--dry-run", "1"), ("--simulate", "many"), ("--aply",)]
)
def test_a_number_out_of_range_or_an_unknown_word_does_nothing(done: Done, words: tuple[str, ...]) -> None:
    assert CliRunner().invoke(plan, list(words)).exit_code == 2
    assert done == []


def test_the_options_are_known_without_the_planner(root: Path) -> None:
    heavy = {"scipy", "numpy", "reserve.plan.command"}
    code = f"import sys, reserve.plan.verb; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
