"""Notebook sources (MyST Markdown) to Jupyter notebooks: no outputs, stable cell ids, nbgrader metadata.

    python -m grading.notebooks build [PATHS] [--check]

A cell's id never depends on its own content: it is the `id` in the cell's metadata where the author gave one;
`ask-<question>` for a cell that asks a question, `write-<question>` for one in which a function is written; else the
notebook's slug, the slug of the heading that it stands under, and its ordinal there. So text may be reworded without a
new id, and a cell added under one heading moves no id under another. Cells that ask a question also get the nbgrader
(schema 3) metadata which the question's kind and points call for.

A course's own changes are built in: the values that it gives parameters, its targets where the text quotes them
(`{{ device.p50_ms_below }}`), its questions, and not those that it leaves out. So its notebooks are the kit's sources.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from grading.errors import NotebookSourceError
from grading.functions import tasks
from grading.questions.asking import posed
from grading.questions.schema import ASK, left_out, question
from snippets.course import course
from snippets.decide.quoted import filled
from snippets.errors import UsageError
from snippets.parts import NOTEBOOKS, PARTS, own_folder
from snippets.quick_import import without_iri_checks

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
"""What a kernel says of itself and JupyterLab saves, without the version of Python, which is each student's own (and
left out by `notebooks/.jupyter`)."""
MAX_ID_LENGTH = 64
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


def slug(text: str, length: int = MAX_ID_LENGTH) -> str:
    """`text` as lower-case ASCII letters, digits and hyphens, at most `length` of them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:length].strip("-")


def sources(paths: Iterable[Path] = ()) -> list[Path]:
    """The MyST sources among `paths` (files or folders), or those of the lab's parts; in a stable order."""
    found: set[Path] = set()
    for path in list(paths) or [folder / part for folder in _folders() for part in PARTS]:
        if path.is_dir():
            found.update(path.glob("**/*.md"))
        elif path.suffix == ".md":
            if not path.exists():
                raise NotebookSourceError(f"{path} does not exist. Sources: {NOTEBOOKS}/<part>/N_subject.md.")
            found.add(path)
        else:
            raise NotebookSourceError(f"{path} is neither a folder nor a .md notebook source.")
    return sorted(path for path in found if path.read_text(encoding="utf-8").startswith("---\n"))


def _folders() -> list[Path]:
    """Where notebooks lie: the kit's, and the course's own if it has any."""
    return [NOTEBOOKS, *(own for own in [own_folder() / "notebooks"] if own.is_dir())]


def asked(source: str) -> str | None:
    """The id of the question that a code cell asks, if it asks one; two in a cell are an error."""
    return _only(ASK.findall(source))


def coded(source: str) -> str | None:
    """The id of the coding question for which a code cell is, if it is for one; two in a cell are an error."""
    return _only(tasks.WRITE.findall(source))


def _only(ids: Sequence[str]) -> str | None:
    if len(ids) > 1:
        raise NotebookSourceError(
            f"One cell asks {', '.join(ids)}; ask one question a cell, so that each "
            "can be graded and repaired on its own."
        )
    return ids[0] if ids else None


def nbgrader_metadata(question_id: str, cell_id: str) -> dict[str, Any]:
    """What nbgrader must know of a cell that asks `question_id`.

    Explain and screenshot are graded by hand, in that cell. The other kinds, and functions, are the student's to edit
    here and are scored by the locked cell that `servelab release` puts after them.
    """
    asked_question = None if _is_task(question_id) else question(question_id)
    by_hand = asked_question is not None and asked_question.kind in ("explain", "screenshot")
    metadata: dict[str, Any] = {
        "grade": by_hand,
        "grade_id": cell_id,
        "locked": False,
        "schema_version": 3,
        "solution": True,
        "task": False,
    }
    if asked_question is not None and by_hand:
        points = asked_question.points
        metadata["points"] = int(points) if points == int(points) else points  # a browser saves 1.0 as 1
    return metadata


def _is_task(question_id: str) -> bool:
    return any(task.id == question_id for task in tasks.tasks())


def _cell_ids(cells: Sequence[Any], notebook: str) -> list[str]:
    """One id per cell, in order; explicit ids win, a repeated one is an error."""
    ids: list[str] = []
    section, ordinal = "top", 0
    for cell in cells:
        explicit = cell.metadata.pop("id", None)
        question_id = asked(cell.source) if cell.cell_type == "code" else None
        task_id = coded(cell.source) if cell.cell_type == "code" else None
        heading = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if heading:
            section, ordinal = slug(heading.group(1), 30) or "section", 0
        ordinal += 1
        if explicit:
            cell_id = str(explicit)
            if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", cell_id):
                raise NotebookSourceError(f"Cell id {cell_id!r}: use 1 to 64 letters, digits, - and _.")
        elif question_id:
            cell_id = f"ask-{slug(question_id, 60)}"
        elif task_id:
            cell_id = f"write-{slug(task_id, 58)}"
        elif "parameters" in cell.metadata.get("tags", []):
            cell_id = "parameters"
        else:
            cell_id = f"{notebook[:24].strip('-')}-{section}-{ordinal}"
            repeats = 2
            while cell_id in ids:
                cell_id = f"{notebook[:24].strip('-')}-{section}-{ordinal}-{repeats}"
                repeats += 1
        if cell_id in ids:
            raise NotebookSourceError(f"Two cells have the id {cell_id!r}; give one of them its own (:id: in MyST).")
        ids.append(cell_id)
    return ids


def _posing_id(question_id: str) -> str:
    return f"question-{slug(question_id, 55)}"


def _with_values(source: str, part: str) -> str:
    """A cell of parameters with the values that the course's settings give those that it declares."""
    for name, value in course().parameters.get(part, {}).items():
        line = re.compile(rf"^({re.escape(name)}\s*(?::[^=\n]*)?=\s*)([^#\n]*?)(\s*(?:#.*)?)$", re.MULTILINE)
        if found := line.search(source):
            source = f"{source[: found.start()]}{found[1]}{_python(value)}{found[3]}{source[found.end() :]}"
    return source


def _python(value: Any) -> str:
    """A value as Python writes it, texts between the kit's double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _quoting(text: str, what: str) -> str:
    try:
        return filled(text)
    except UsageError as error:
        raise NotebookSourceError(f"{what}: {error}") from None


def convert(path: Path) -> str:
    """The notebook JSON that the source at `path` stands for. The same source gives the same bytes.

    Raises NotebookSourceError, naming the file, for a source that breaks a rule, UsageError for a course's settings
    that cannot be read.
    """
    try:
        return _converted(path)
    except NotebookSourceError as error:
        raise NotebookSourceError(f"{path.name}: {error}") from None


def _converted(path: Path) -> str:
    without_iri_checks()
    import jupytext
    import nbformat

    read = jupytext.read(path, fmt="md:myst")
    if read.cells and ASK.search("\n".join(c.source for c in read.cells if c.cell_type == "markdown")):
        raise NotebookSourceError("An ask(...) stands in a Markdown cell; put it in a ```{code-cell}.")
    ids = _cell_ids(read.cells, slug(path.stem))
    cells: list[Any] = []
    dropped = left_out(path.parent.name) if path.parent.name in PARTS else {}
    for cell, cell_id in zip(read.cells, ids, strict=True):
        if cell.cell_type == "code" and asked(cell.source) in dropped:
            continue
        if "parameters" in cell.metadata.get("tags", []):
            cell.source = _with_values(cell.source, path.parent.name)
        elif cell.cell_type == "markdown":
            cell.source = _quoting(cell.source, f"cell {cell_id}")
        metadata = dict(cell.metadata)
        task_id = coded(cell.source) if cell.cell_type == "code" else None
        question_id = task_id or (asked(cell.source) if cell.cell_type == "code" else None)
        if question_id and "nbgrader" not in metadata:
            metadata["nbgrader"] = nbgrader_metadata(question_id, cell_id)
        if question_id:
            text = tasks.posed(tasks.task(task_id)) if task_id else posed(question(question_id))
            posing = nbformat.v4.new_markdown_cell(text, id=_posing_id(question_id))
            cells += [posing] if posing.id not in {each.id for each in cells} else []
        if cell.cell_type == "code":
            cells.append(nbformat.v4.new_code_cell(cell.source, id=cell_id, metadata=metadata))
        else:
            cells.append(nbformat.v4.new_markdown_cell(cell.source, id=cell_id, metadata=metadata))
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"  # as JupyterLab saves it: opening one changes nothing


def build(paths: Iterable[Path] = (), *, check: bool = False) -> list[Path]:
    """Write the notebook of every source (of none named: of all, `0_reserve` too) beside it; return those that changed
    (`check`: that would change)."""
    changed = []
    for source in sources(list(paths) or _folders()):
        target = source.with_suffix(".ipynb")
        text = convert(source)
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        changed.append(target)
        if not check:
            target.write_text(text, encoding="utf-8")
    return changed


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code (1 with --check where a notebook is out of date)."""
    from snippets.errors import KitError

    parser = argparse.ArgumentParser(prog="python -m grading.notebooks", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    build_parser = commands.add_parser("build", help="write the .ipynb beside each .md source")
    build_parser.add_argument("paths", nargs="*", type=Path, help="sources or folders; default: all")
    build_parser.add_argument("--check", action="store_true", help="write nothing; fail if a notebook is out of date")
    options = parser.parse_args(arguments)
    try:
        changed = build(options.paths, check=options.check)
    except KitError as error:
        print(f"notebooks: {error}", file=sys.stderr)
        return error.exit_code
    for path in changed:
        print(f"{'out of date' if options.check else 'wrote'}: {path}")
    if options.check and changed:
        print("Run `python -m grading.notebooks build` and commit what it writes.", file=sys.stderr)
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    raise SystemExit(main())
