"""Write the course site: a folder of pages, pictures, one style and one script, which opens from a file.

It fetches nothing, and holds nothing of staff's: no rubric, exemplar, solution or question for a viva; nor a student's
answers, nor paths of the machine that measured.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.report.page import TITLES
from grading.site import guide
from grading.site.explore import as_data
from grading.site.lessons import Lesson, Recorded, lessons, recorded
from grading.site.pictures import MEGABYTE, MOST_BYTES, fit, total
from grading.site.text import anchor
from snippets.errors import RecordError, UsageError
from snippets.files import storage_error, write_atomic
from snippets.parts import PARTS
from snippets.record.run import Record, latest_run, load_record

TEMPLATES = Path(__file__).parent / "templates"
MARK = "servelab-site.json"
"""Names the files of a site, so that the next one knows what to replace; a folder without it is nobody's to clear."""
STATIC = ("site.css", "site.js")


@dataclass(frozen=True)
class Source:
    """A part of the site: its lessons, and the run that they show, if there is one."""

    part: str
    record: Record | None
    problems: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The part's title."""
        return TITLES[self.part]

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Where and when the run was measured, without the machine's own name."""
        if self.record is None:
            return []
        machine = self.record.machine
        cpu, gpus = machine.get("cpu", {}), machine.get("gpus", [])
        profiles = {str(values.get("profile", "")) for values in self.record.parameters.values()} - {""}
        return [
            ("measured", self.record.created_utc[:10]),
            ("profile", " and ".join(sorted(profiles)) or "unknown"),
            ("processor", f"{cpu.get('model', 'unknown')}, {cpu.get('cores', '?')} cores"),
            ("GPUs", ", ".join(str(gpu.get("model", "?")) for gpu in gpus) or "none"),
            ("recorded steps", str(len(self.record.steps))),
        ]


def write_site(
    folders: Sequence[Path], out: Path, hardware: Sequence[guide.Reservable], most: int = MOST_BYTES
) -> list[str]:
    """Write the site into `out`, a new or empty folder or an earlier site, and return what to tell, line by line.

    `folders`: a run for each part that is to show one; of none, the latest run of each part. Raises RecordError for a
    folder without a readable run, UsageError for two runs of a part and for a folder that holds something else,
    StorageError where the site would be too large or cannot be written.
    """
    _refuse_other(out)
    sources = _sources(folders)
    files = fit(_render(sources, hardware), most)
    _write(out, files)
    pages = sum(name.endswith(".html") for name in files)
    size = f"{total(files) / MEGABYTE:.1f} MB of at most {most / MEGABYTE:g} MB"
    told = [f"wrote {out}: {pages} pages in {len(files)} files, {size}"]
    for source in sources:
        without = f"no recorded run; `servelab run {source.part}` makes one"
        told.append(f"  {source.part}: {f'the run {source.record.folder}' if source.record else without}")
        told += [f"    this record does not hold together: {problem}" for problem in source.problems[:1]]
    return [*told, f"open it in a browser: {(out / 'index.html').resolve().as_uri()}"]


def _sources(folders: Sequence[Path]) -> list[Source]:
    found = list(folders) or [folder for part in PARTS if (folder := latest_run(part))]
    records = [load_record(folder) for folder in found]
    for record in records:
        if record.part not in PARTS:
            raise RecordError(f"{record.folder} is a run of {record.part!r}, which is no part: {', '.join(PARTS)}.")
    by_part = {record.part: record for record in records}
    twice = [part for part, count in Counter(record.part for record in records).items() if count > 1]
    if twice:
        names = " and ".join(str(record.folder) for record in records if record.part == twice[0])
        raise UsageError(f"{names} are runs of the same part, {twice[0]}; a site shows one run of each: name one.")
    return [Source(part, run := by_part.get(part), _problems(run) if run else ()) for part in PARTS]


def _problems(run: Record) -> tuple[str, ...]:
    """What does not fit together in a run; models that were left out of what was handed on are no matter here."""
    left_out = re.compile(r"the file models/.* is missing")
    return tuple(problem for problem in run.verify(schema=False) if not left_out.fullmatch(problem))


def _refuse_other(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a new folder with --out.")
    try:
        holds = out.is_dir() and any(out.iterdir())
    except OSError as error:
        raise storage_error(error, out, "--out") from error
    if holds and not (out / MARK).is_file():
        raise UsageError(f"{out} holds something that is no site; name a new folder with --out, or empty it first.")


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    """Replace the files of the site that is there; what else lies in its folder stays.

    The mark comes first and names old and new files, so that a site that was cut short is replaced as well.
    """
    before = _marked(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_atomic(out / MARK, _mark([*before, *files]), setting="--out")
        for name, data in files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(out / name, data, setting="--out")
        for name in before:
            if name not in files and (out / name).resolve().is_relative_to(out.resolve()):
                (out / name).unlink(missing_ok=True)
        write_atomic(out / MARK, _mark(files), setting="--out")
    except OSError as error:
        raise storage_error(error, out, "--out") from error


def _mark(names: Iterable[str]) -> bytes:
    return (json.dumps({"files": sorted(set(names))}, indent=1) + "\n").encode()


def _marked(out: Path) -> list[str]:
    """The files that the site in `out` says are its own; none where there is no site, or its mark is damaged."""
    try:
        return [str(name) for name in json.loads((out / MARK).read_text(encoding="utf-8"))["files"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _render(sources: Sequence[Source], hardware: Sequence[guide.Reservable]) -> dict[str, bytes]:
    """All files of the site by name."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"data": _data, "minutes": _minutes, "anchor": anchor}
    files = {name: (TEMPLATES / name).read_bytes() for name in STATIC}
    shared = {"sources": sources, "lessons": {part: lessons(part) for part in PARTS}}
    ways = [lesson for part in PARTS for lesson in lessons(part)]
    seconds: dict[str, dict[str, float | None]] = {part: {} for part in PARTS}
    sliders: list[Lesson] = []
    for at, lesson in enumerate(ways):
        source = next(each for each in sources if each.part == lesson.part)
        shown = _recorded(lesson, source.record, files)
        seconds[lesson.part][lesson.name] = shown.seconds
        sliders += [lesson] if shown.distributions or shown.axes else []
        files[lesson.page] = _page(
            environment,
            "lesson.html.j2",
            shared
            | {"up": "../", "lesson": lesson, "source": source, "shown": shown, "sliders": _sliders(shown)}
            | {"before": ways[at - 1] if at else None, "after": ways[at + 1] if at + 1 < len(ways) else None},
        )
    leases = guide.leases(hardware)
    works = [guide.work(part, lessons(part), seconds[part], leases) for part in PARTS]
    facts = {
        "up": "",
        "leases": leases,
        "works": works,
        "seconds": seconds,
        "sliders": sliders,
        "students": guide.STUDENTS,
        "minutes": guide.MINUTES,
        "grading_hours": guide.grading_hours,
    }
    for name in ("index", "guide"):
        files[f"{name}.html"] = _page(environment, f"{name}.html.j2", shared | facts)
    return files


def _recorded(lesson: Lesson, record: Record | None, files: dict[str, bytes]) -> Recorded:
    def keep(name: str, data: bytes) -> str:
        place = f"figures/{lesson.part}/{re.sub(r'[^A-Za-z0-9_-]+', '-', name)}.png"
        files[place] = data
        return f"../{place}"

    return recorded(lesson, record, keep)


def _page(environment: Any, template: str, facts: Mapping[str, Any]) -> bytes:
    text: str = environment.get_template(template).render(facts)
    return text.encode()


def _sliders(shown: Recorded) -> list[dict[str, Any]]:
    """What the page's script reads: one slider over percentiles, one for each kind of load."""
    found: list[dict[str, Any]] = []
    if shown.distributions:
        found.append({"kind": "percentile", "steps": [as_data(one) for one in shown.distributions]})
    return [*found, *({"kind": "load", **as_data(axis)} for axis in shown.axes)]


def _data(value: Any) -> Any:
    """JSON that may stand inside a <script>."""
    import markupsafe

    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return markupsafe.Markup(text.replace("<", "\\u003c"))


def _minutes(seconds: float | None) -> str:
    """A time in words: `0.1 s`, `32 s`, `2.1 min`; `not recorded` for none."""
    if seconds is None:
        return "not recorded"
    return f"{seconds / 60:.1f} min" if seconds >= 100 else f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.1f} s"
