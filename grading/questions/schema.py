"""The questions as data: `model.toml`, `edge.toml` and `system.toml`, one `[[question]]` table each.

[[question]]
id = "model.graph.layout"        # <part>.<topic>.<name>
kind = "predict"                 # predict, choose, number, explain, screenshot, config (what a service is made by)
form = "cards"                   # config: a config.pbtxt for Triton, or teams' "cards" in TOML
text = \"\"\"Markdown\"\"\"
points = 2
steps = ["graph/all/latency"]    # record steps it refers to; a prediction is locked once the first exists
choices = ["faster", "slower"]   # choose, and predictions by choice
multiple = false                 # choose: may more than one choice be named?
unit = "ms"                      # number, and predictions of a number
signed = false                   # a predicted number that may be negative
work = "worked out"              # what the answer takes: one of WORK
replaces = "model.graph.nodes"   # a question under [[retired]], graded instead where an older record was asked it
extra = false                    # of an optional notebook: its points come on top, and nobody misses them

What only staff may see of a question lies in `grading/staff/rubrics/`, a table under its id: `rubric`, what earns the
points, shown to graders and, after grading, to students; `needs`, in words what an answer takes, for whoever edits the
lab. A student's copy of the kit lacks them, and needs neither.

A prediction is given as [low, high], or as [choice, confidence]; see calibration.py. Older records hold plain ones.
`{{ device.p50_ms_below }}` in a text is that target's figure (snippets/decide/quoted.py). What a course changes,
adds and leaves out lies in its own folder (own.py).
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from grading.errors import QuestionError
from grading.questions.own import merged, own_questions
from snippets.decide.quoted import filled
from snippets.errors import UsageError
from snippets.parts import PARTS, check_part

FOLDER = Path(__file__).resolve().parent
RUBRICS = FOLDER.parent / "staff" / "rubrics"
"""Where staff keep what only they may see of a question: a file a part, as the questions'."""
KINDS = ("predict", "choose", "number", "explain", "screenshot", "config")
FORMS = ("", "cards")
"""What a `config` is: a config.pbtxt, or the cards of teams (snippets/teams/card.py)."""
WORK = ("copied", "guess", "automatic", "read off", "worked out", "explained")
"""What an answer takes: nothing but copying, guessing or running the notebook; or reading, working out, explaining."""
ASK = re.compile(r"""^ask\(\s*run\s*,\s*["']([\w.\-]+)["']""", re.MULTILINE)
"""How a notebook's code asks a question; the group is the question's id."""
LEADING_NUMBER = re.compile(r"^\s*([-+]?[0-9][0-9_,]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?)\s*(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Question:
    """One question put to the student. `points` is positive; `steps` are names of record steps."""

    id: str
    kind: str
    text: str
    points: float
    rubric: str = ""
    steps: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    multiple: bool = False
    unit: str = ""
    signed: bool = False
    work: str = ""
    needs: str = ""
    replaces: str = ""
    extra: bool = False
    form: str = ""

    @property
    def interval(self) -> bool:
        """True for the prediction of a number, which is an interval."""
        return self.kind == "predict" and not self.choices

    @property
    def part(self) -> str:
        """`model`, `edge` or `system`: the first word of the id."""
        return self.id.split(".", 1)[0]

    @property
    def by_hand(self) -> bool:
        """True where a person reads the answer: explanations and screenshots."""
        return self.kind in ("explain", "screenshot")


def _question(table: Mapping[str, Any], part: str, where: str) -> Question:
    """A Question from one TOML table; QuestionError names what is wrong and where."""
    name = table.get("id", "?")

    def refuse(what: str) -> QuestionError:
        return QuestionError(f"{where}: question {name!r} {what}.")

    known = {field.name for field in fields(Question)}
    if unknown := sorted(set(table) - known):
        raise refuse(f"has unknown fields {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    if missing := [key for key in ("id", "kind", "text", "points") if key not in table]:
        raise refuse(f"lacks {', '.join(missing)}")
    if not re.fullmatch(rf"{part}(\.[a-z0-9][a-z0-9_\-]*){{2,3}}", name):
        raise refuse(f"needs an id of the form {part}.<topic>.<name>")
    kind, points = table["kind"], table["points"]
    if kind not in KINDS:
        raise refuse(f"has kind {kind!r}; kinds are {', '.join(KINDS)}")
    if not isinstance(points, int | float) or isinstance(points, bool) or not 0 < points <= 100:
        raise refuse("needs points between 0 and 100")
    if not str(table["text"]).strip():
        raise refuse("has an empty text")
    choices = tuple(str(choice) for choice in table.get("choices", ()))
    if kind == "choose" and len(choices) < 2:
        raise refuse("is of kind choose and needs at least two choices")
    if table.get("form", "") not in FORMS or (table.get("form") and kind != "config"):
        raise refuse(f"has the form {table['form']!r}; only kind config has one, of {', '.join(filter(None, FORMS))}")
    if choices and kind not in ("choose", "predict"):
        raise refuse(f"has choices, which kind {kind} does not take")
    if len({_plain(choice) for choice in choices}) != len(choices):
        raise refuse("repeats a choice")
    steps = tuple(table.get("steps", ()))
    if kind == "predict" and not steps:
        raise refuse("is a prediction and must name the steps that end it")
    if table.get("work", WORK[0]) not in WORK:
        raise refuse(f"has work {table['work']!r}; it is one of {', '.join(WORK)}")
    if kind == "predict" and not choices and not table.get("unit"):
        raise refuse("is the prediction of a number and needs a unit")
    if table.get("extra") and kind not in ("predict", "choose", "number"):
        raise refuse(f"is extra and of kind {kind}; nobody grades extra questions by hand")
    if kind in ("explain", "screenshot") and RUBRICS.is_dir() and not table.get("rubric", "").strip():
        own = f' (a course\'s own: rubric = "..." below ["{name}"] in own/staff/rubrics/{part}.toml)'
        raise refuse(f"is of kind {kind} and needs a rubric for whoever grades it{own}")
    try:
        text = filled(str(table["text"]).strip())
    except UsageError as error:
        raise QuestionError(f"{where}: question {name!r}: {error}") from None
    return Question(
        id=name,
        kind=kind,
        text=text,
        points=float(points),
        rubric=str(table.get("rubric", "")).strip(),
        steps=steps,
        choices=choices,
        multiple=bool(table.get("multiple", False)),
        unit=str(table.get("unit", "")),
        signed=bool(table.get("signed", False)),
        work=str(table.get("work", "")),
        needs=str(table.get("needs", "")).strip(),
        replaces=str(table.get("replaces", "")),
        extra=bool(table.get("extra", False)),
        form=str(table.get("form", "")),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise QuestionError(f"{path} is not valid TOML: {error}") from None


def load(path: Path, part: str, kind: str = "question") -> tuple[Question, ...]:
    """All questions of one TOML file, in its order, which is the order of the submission's pages.

    `kind`: "question", or "retired" for those that only older records answer.
    """
    given = _read(path).get(kind, []) if path.exists() else []
    beside = RUBRICS / path.name
    kits = path.parent == RUBRICS.parent.parent / "questions"
    staff = _read(beside) if kits and beside.is_file() else {}
    asked = merged(part, given) if kits and kind == "question" else [(table, "") for table in given]
    rubrics = own_questions(part).rubrics if kits else {}
    questions = tuple(
        _question({**table, **staff.get(table["id"], {}), **rubrics.get(table["id"], {})}, part, own or path.name)
        if "id" in table
        else _question(table, part, path.name)
        for table, own in asked
    )
    ids = [question.id for question in questions]
    if repeated := sorted({name for name in ids if ids.count(name) > 1}):
        raise QuestionError(f"{path.name} gives {', '.join(repeated)} more than once.")
    return questions


@lru_cache(maxsize=8)
def questions(part: str) -> tuple[Question, ...]:
    """The questions of `part` (model, edge or system) that everybody is asked. Raises UsageError for another part,
    QuestionError for a malformed file.
    """
    return tuple(each for each in every(part) if not each.extra)


def extras(part: str) -> tuple[Question, ...]:
    """The questions of the part's optional notebooks: an answer earns points on top, none costs nothing."""
    return tuple(each for each in every(part) if each.extra)


def every(part: str) -> tuple[Question, ...]:
    """The questions of the part, extra ones among them. Raises as `questions`."""
    check_part(part, all_too=False)
    return load(FOLDER / f"{part}.toml", part)


@lru_cache(maxsize=8)
def retired(part: str) -> Mapping[str, Question]:
    """Questions of `part` that are no longer asked, by id. Raises as `questions`."""
    check_part(part, all_too=False)
    path = FOLDER / f"{part}.toml"
    return {found.id: found for found in load(path, part, "retired")} if path.exists() else {}


@lru_cache(maxsize=8)
def left_out(part: str) -> Mapping[str, Question]:
    """Questions of `part` that the kit asks and this course does not, by id. Raises as `questions`."""
    check_part(part, all_too=False)
    names = own_questions(part).left_out
    if not names:
        return {}
    staff = _read(RUBRICS / f"{part}.toml") if (RUBRICS / f"{part}.toml").is_file() else {}
    tables = [table for table in _read(FOLDER / f"{part}.toml").get("question", []) if table.get("id") in names]
    return {one["id"]: _question({**one, **staff.get(one["id"], {})}, part, f"{part}.toml") for one in tables}


def asked_of(part: str, answered: Collection[str]) -> tuple[Question, ...]:
    """The questions of `part` as a record was asked them, which holds answers to the questions `answered`.

    Where it answers a retired question and not the one that replaces it, the retired one is graded. Extra questions are
    among them only if they were answered.
    """
    older = retired(part)
    strange = set(answered) - {each.id for each in questions(part)} - older.keys()
    on_top = [extra for extra in extras(part) if extra.id in strange] if strange else []
    return tuple(
        older[each.replaces]
        if each.replaces in older and each.replaces in answered and each.id not in answered
        else each
        for each in (*questions(part), *on_top)
    )


def question(question_id: str) -> Question:
    """The question of that id, one that is no longer asked included.

    QuestionError names the nearest ids where there is none.
    """
    part = question_id.split(".", 1)[0]
    if part not in PARTS:
        raise QuestionError(f"There is no question {question_id!r}: an id begins with its part, {' or '.join(PARTS)}.")
    known = (lambda: questions(part), retired(part).values, left_out(part).values, lambda: extras(part))
    for candidates in known:  # the extra ones last: they are read anew each time
        for candidate in candidates():
            if candidate.id == question_id:
                return candidate
    import difflib

    near = difflib.get_close_matches(question_id, [q.id for q in every(part)], n=3, cutoff=0.3)
    hint = f" Did you mean {' or '.join(near)}?" if near else f" `servelab questions {part}` lists them."
    raise QuestionError(f"There is no question {question_id!r}.{hint}")


def _plain(text: Any) -> str:
    """`text` for comparison: case, spaces and quotes at the ends do not matter."""
    return " ".join(str(text).strip().strip("\"'`").casefold().split())


def is_blank(value: Any) -> bool:
    """True for what counts as no answer: None, Ellipsis, nothing but spaces or dots, an empty list."""
    if value is None or value is Ellipsis:
        return True
    if isinstance(value, str):
        return not value.strip(" .\n\t\u2026")
    return isinstance(value, list | tuple | dict | set) and not value


def chosen(question: Question, value: Any) -> tuple[str, ...]:
    """The choices that `value` names, spelled as the question spells them; ValueError names a stranger."""
    given = list(value) if isinstance(value, list | tuple | set) else [value]
    if (
        len(given) == 1
        and question.multiple
        and isinstance(given[0], str)
        and _plain(given[0]) not in {_plain(choice) for choice in question.choices}
    ):
        given = re.split(r"[,;\n]", given[0])
    found = []
    for item in given:
        matches = [choice for choice in question.choices if _plain(choice) == _plain(item)]
        if not matches:
            raise ValueError(f"{item!r} is not one of: {', '.join(question.choices)}")
        if matches[0] not in found:
            found.append(matches[0])
    if len(found) > 1 and not question.multiple:
        raise ValueError(f"name one choice, not {len(found)}")
    return tuple(found)


def number(value: Any) -> float:
    """The finite number that `value` is or begins with ("12.5 ms" -> 12.5); ValueError otherwise."""
    if isinstance(value, bool):
        raise ValueError("give a number, not True or False")
    if isinstance(value, str):
        match = LEADING_NUMBER.match(value)
        if not match:
            raise ValueError(f"{value!r} does not begin with a number")
        value = match.group(1).replace(",", "").replace("_", "")
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a number") from None
    if not math.isfinite(result):
        raise ValueError("give a finite number")
    return result


def interval(question: Question, value: Any) -> tuple[float, float]:
    """The two ends that a predicted number is given by: [5, 20], or "5 to 20 ms". ValueError says what is wrong."""
    how = f"give an interval, as [5, 20] for 5 to 20 {question.unit}"
    if isinstance(value, str):
        value = [piece for piece in re.split(r"\bto\b|;|,\s|\.\.", value.strip().strip("[]()")) if piece.strip()]
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(how)
    low, high = (number(end) for end in value)
    if low >= high:
        raise ValueError(f"{how}, the smaller number first and the two not equal")
    if low <= 0 and not question.signed:
        raise ValueError(f"{how}: both above 0")
    return low, high


def sure_of(question: Question, value: Any) -> tuple[str, float]:
    """The choice and the confidence in it that a prediction names: ["slower", 0.7]. ValueError says what is wrong."""
    how = f"give your choice and how sure you are of it, as [{question.choices[0]!r}, 0.7] for 70 %"
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(how)
    choice, confidence = chosen(question, value[0])[0], number(value[1])
    if not 0 < confidence <= 1:
        raise ValueError(f"{how}: the confidence lies above 0, and is 1 at most")
    return choice, confidence


def is_older_form(value: Any) -> bool:
    """True for a prediction without interval or confidence, as records hold that were asked before these."""
    return not isinstance(value, list | tuple)


def format_problem(question: Question, value: Any, older: bool = False) -> str | None:
    """What is wrong with the form of an answer (not its content), or None. A blank one is fine here.

    `older`: also take predictions without interval or confidence, which nobody is asked for any more.
    """
    if is_blank(value) or question.kind == "screenshot":
        return None
    try:
        if question.kind == "predict" and not (older and is_older_form(value)):
            sure_of(question, value) if question.choices else interval(question, value)
        elif question.choices:
            chosen(question, value)
        elif question.kind in ("number", "predict"):
            number(value)
        elif not isinstance(value, str):
            return "write the answer as text, between quotes"
        elif question.kind == "explain" and len(value.split()) < 5:
            return "explain in at least one sentence"
        elif question.form == "cards":
            from snippets.teams.card import tables

            tables(value)
        elif question.kind == "config":
            from snippets.triton.config import parse

            parse(value)
    except (ValueError, UsageError) as error:
        return str(error)
    return None
