"""`servelab course`: what a course's own folder changes of the kit, and whether all of it can be read and fits.

Nothing is written. A mistake is one error that names the file, the line or setting, and what it may be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from grading.errors import QuestionError
from grading.notebooks import ASK, convert
from grading.questions.own import own_judges, own_questions
from grading.questions.schema import FOLDER, RUBRICS, questions, retired
from snippets.course import SETTINGS, check_names, course, own_name, own_table
from snippets.decide.cost import load_prices
from snippets.decide.targets import targets
from snippets.errors import UsageError
from snippets.parts import OWN, PARTS, numbered, own_folder


def changes(kits_tables: Mapping[str, Path]) -> list[str]:
    """What the course's own folder changes, a line each, once all of it was read and found to fit.

    `kits_tables`: the kit's tables that other rooms read and have checked, by the name of the course's own. Raises
    UsageError (QuestionError for questions and judges) naming the file and the setting.
    """
    folder = own_folder()
    if not folder.is_dir():
        return [f"there is no {folder}: this course is the kit's. grading/COURSE.md shows how to make it yours."]
    check_names()
    lines = [*_settings(), *_tables(kits_tables), *_targets(), *_prices()]
    for part in PARTS:
        lines += [*_questions(part), *_notebooks(part)]
    return lines or [f"{folder} is there and changes nothing yet."]


def _line(name: str, what: str) -> str:
    return f"{own_name(name):28} {what}"


def _settings() -> Iterator[str]:
    found = course()
    if not own_table(SETTINGS):
        return
    dates = f"from {found.start or 'now'} to {found.due} {found.tz}".rstrip() if found.due or found.start else ""
    said = [found.name, dates, f"roster {found.roster}" if found.roster else ""]
    yield _line(SETTINGS, "; ".join(filter(None, said)) or "no name, no dates")
    for part, values in found.parameters.items():
        yield _line("", f"{part} begins with {', '.join(f'{name}={value}' for name, value in values.items())}")


def _tables(kits: Mapping[str, Path]) -> Iterator[str]:
    import tomllib

    for name, kit in kits.items():
        if own := own_table(name):
            before = tomllib.loads(kit.read_text(encoding="utf-8"))
            yield _line(name, "; ".join(_differences(before, own)))


def _differences(before: Mapping[str, Any], own: Mapping[str, Any], inside: str = "") -> Iterator[str]:
    """Each setting that `own` changes, as `[a] b: old -> new`."""
    for name, value in own.items():
        if isinstance(value, Mapping):
            if name not in before:
                yield f"[{inside}{name}] is new"
            else:
                yield from _differences(before[name], value, f"{inside}{name}.")
        else:
            where = f"[{inside.rstrip('.')}] {name}" if inside else name
            yield f"{where}: {before.get(name, 'not set')} -> {value}"


def _targets() -> Iterator[str]:
    for one in targets()[: len(own_table("targets.toml").get("target", []))]:
        limits = {"p50 below {:g} ms": one.p50_ms_below, "at least {:g} images/s": one.images_per_s_at_least}
        limits |= {"below {:g} MB": one.size_mb_below}
        asked = ", ".join(text.format(value) for text, value in limits.items() if value is not None)
        yield _line("targets.toml", f"{one.name} ({one.hardware}): {asked}")


def _prices() -> Iterator[str]:
    from snippets.decide.cost import PRICES

    load_prices()
    yield from _tables({"prices.toml": PRICES})


def _questions(part: str) -> Iterator[str]:
    import tomllib

    own = own_questions(part)
    asked = {one.id: one for one in questions(part)}
    kit = {one["id"] for one in tomllib.loads((FOLDER / f"{part}.toml").read_text(encoding="utf-8"))["question"]}
    counts = {
        "new": [name for name in own.tables if name not in kit],
        "changed": [name for name in own.tables if name in kit],
        "left out": sorted(own.left_out),
    }
    if any(counts.values()):
        told = "; ".join(f"{what}: {', '.join(names)}" for what, names in counts.items() if names)
        yield _line(f"questions/{part}.toml", told)
    for name in own.rubrics:
        if name not in asked:
            raise QuestionError(f"{own_name(f'staff/rubrics/{part}.toml')}: {name!r} is no question of {part}.")
    _check_judges(part, counts["new"])
    _check_asked(part, counts["new"])


def _check_judges(part: str, new: Sequence[str]) -> None:
    """What a machine grades needs a judge, and a judge a question."""
    known = {one.id: one for one in questions(part)}
    predictions, worked = own_judges("judges"), own_judges("staff/judges")
    for folder, judges in (("judges", predictions), ("staff/judges", worked)):
        for name in judges:
            if name.startswith(f"{part}.") and name not in known and name not in retired(part):
                raise QuestionError(
                    f"{own_name(f'{folder}/{part}.py')} judges {name!r}, which {part} does not ask; add it to "
                    f"{OWN}/questions/{part}.toml, or take the judge out."
                )
    for name in new if RUBRICS.is_dir() else ():
        kind = known[name].kind
        place = {"predict": "judges", "choose": "staff/judges", "number": "staff/judges"}.get(kind, "")
        if place and name not in {**predictions, **worked}:
            raise QuestionError(
                f"{own_questions(part).where}: question {name!r} is of kind {kind} and needs a judge: a function of "
                f'Evidence in JUDGES["{name}"] of {own_name(f"{place}/{part}.py")}.'
            )


def _check_asked(part: str, new: Sequence[str]) -> None:
    asked = {name for path in numbered(part, ".md") for name in ASK.findall(path.read_text(encoding="utf-8"))}
    if missing := [name for name in new if name not in asked]:
        raise QuestionError(
            f'{own_questions(part).where}: no notebook asks {missing[0]!r}; put ask(run, "{missing[0]}", answer=...) '
            f"in a cell of a notebook of {own_name(f'notebooks/{part}/')}."
        )


def _notebooks(part: str) -> Iterator[str]:
    declared: set[str] = set()
    for source in numbered(part, ".md"):
        built = source.with_suffix(".ipynb")
        text = convert(source)
        declared |= _declared(text)
        current = built.is_file() and built.read_text(encoding="utf-8") == text
        if source.is_relative_to(own_folder()):
            state = "built" if current else "not built of today's source: make notebooks"
            yield _line(f"notebooks/{part}/{source.name}", state)
    for name in course().parameters.get(part, {}):
        if name not in declared:
            raise UsageError(
                f"{own_name(SETTINGS)}: [parameters.{part}] {name}: no notebook of {part} has such a parameter; "
                f"`servelab params {part}` lists them."
            )


def _declared(notebook: str) -> set[str]:
    """Names that the cell of parameters of a notebook's text assigns."""
    import ast
    import json

    cells = [c for c in json.loads(notebook)["cells"] if "parameters" in c["metadata"].get("tags", ())]
    statements = [each for cell in cells for each in ast.parse("".join(cell["source"])).body]
    return {
        each.target.id for each in statements if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
