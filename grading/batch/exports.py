"""What course systems hand out, as one entry for each submission, with who handed it in as far as the system tells.

Gradescope      submission_<n>/ folders and a submission_metadata.yml: NetIDs, names, partners, times
Canvas          <name>_[LATE_]<user>_<file>_<file name>, and <name>_[LATE_]<user>_text.html for what was typed
Moodle          <name>_<participant>_assignsubmission_<kind>_[/]...
Brightspace     <user>-<assignment> - <name> - <time>[/ - ]...
Blackboard      <assignment>_<NetID>_attempt_<time>_<file name>
nbgrader        submitted/<NetID>/<assignment>/
anything else   a file or a folder for each student

Every entry becomes a row, if only to say what was found instead of a submission.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from grading.submission.handed_in import moment
from grading.submission.people import PLACEHOLDER, Person, is_archive, plain_netid, stem
from snippets.errors import ToolMissing, UsageError

METADATA = "submission_metadata.yml"
IGNORED = {"__MACOSX", "feedback", "release", "source", "autograded", "jupyter", "desktop.ini", "Thumbs.db", "Icon\r"}
BEGIN_NONE = ("._", "~$")
"""Begin the names of what a Mac, and Word while a file is open, lay beside a file."""
OURS = (".csv", ".json", ".html", ".yml", ".yaml", ".db", ".log", ".xlsx", ".md", ".cache", ".py")
"""Files that lie beside submissions and are none: lists, results, an export's index page."""
NOTHING = ("", "~", "null", "Null", "NULL", "None")
"""How YAML writes that there is none."""
MAX_DEPTH = 4
MAX_MANIFEST = 4_000_000
MANY_NAMES = 5000
MANY = 5
"""A folder with more archives than this is a class, not a student with several attempts."""

_CANVAS = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?(?P<user>\d+)_(?P<file>\d+)_(?P<rest>.+)")
_CANVAS_TEXT = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?(?P<user>\d+)_(?P<kind>text|link)\.html")
_MOODLE = re.compile(r"(?P<name>.+)_(?P<user>\d+)_assignsubmission_(?P<kind>[a-z]+)_?(?P<rest>.*)")
_BRIGHTSPACE = re.compile(r"(?P<user>\d+-\d+) ?- (?P<name>.+?) ?- (?P<when>[^-]*\d{4},? \d{3,4} [AP]M)(?: ?- .*)?")
_BLACKBOARD = re.compile(r".+_(?P<netid>[^_]+)_attempt_(?P<when>\d{4}(?:-\d{1,2}){5})(?:_.+|\.txt)")
_NETID = re.compile(r"[A-Za-z]{1,5}\d{1,6}")
_AGAIN = re.compile(r"-(\d+)$")


@dataclass(frozen=True)
class Entry:
    """One submission of an export.

    `people`: who handed it in, by the export. `owner`: the same for all attempts of one person; empty where only the
    submission itself says whose it is. `order`: greater for a later attempt. `problem`: why there is nothing at `path`.
    `created`: when it was handed in by the clock of the course system, as it wrote that; empty if it does not tell.
    """

    path: Path
    people: tuple[Person, ...] = ()
    owner: str = ""
    order: tuple[float, ...] = ()
    problem: str = ""
    created: str = ""


def discover(paths: Iterable[Path]) -> list[Entry]:
    """The submissions among `paths`: zips, submission folders, or export folders holding many of either.

    Raises UsageError where nothing is found or a list of Gradescope's cannot be read, ToolMissing without PyYAML.
    """
    found: dict[Path, Entry] = {}
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist.")
        for entry in _inside(path, 0):
            found.setdefault(entry.path.resolve(), entry)
    if not found:
        raise UsageError("There are no submissions there: name zips, submission folders, or an export folder.")
    return list(found.values())


def _is_one(folder: Path) -> bool:
    """Whether a folder is one submission, not a folder of submissions."""
    patterns = ("manifest.json", "record.json", "*/record.json", "submission.zip", "*.ipynb")
    return any(next(folder.glob(pattern), None) for pattern in patterns)


def _inside(path: Path, depth: int) -> Iterator[Entry]:
    if path.is_symlink():
        return
    if not path.is_dir():
        if path.is_file() and (depth == 0 or _is_handed_in(path)):
            whole = _is_whole_export(path)
            problem = "is a whole class's export, not a submission: unpack it, and grade the folder" if whole else ""
            yield replace(named(path), problem=f"{path.name} {problem}" if whole else "")
        return
    if (path / METADATA).is_file():
        yield from _gradescope(path, depth)
        return
    if depth and _by_system(path):  # a folder that a system made for one submission, whatever is in it
        yield named(path)
        return
    if _is_one(path):
        yield named(path)
        return
    yield from _children(path, depth)


def _children(path: Path, depth: int) -> Iterator[Entry]:
    children = [child for child in sorted(path.iterdir()) if not _is_ignored(child)]
    folders = [child for child in children if child.is_dir() and not child.is_symlink()]
    files = [child for child in children if child.is_file()]
    archives = [child for child in files if is_archive(child)]
    of_a_system = [child for child in files if _by_system(child)]
    inner = [] if depth == MAX_DEPTH else [item for folder in folders for item in _inside(folder, depth + 1)]
    if depth and len(inner) == 1 and not files and not inner[0].owner and not _holds_any(inner[0].path):
        inner = []  # folders in a student's folder, with nothing to grade in them
    # A student's folder: one or a few archives, or nothing to grade at all. It is a row all the same.
    if depth and not inner and not of_a_system and not _are_students(path, archives):
        alone = len(files) == 1 and archives and path.name.startswith("submission_")  # the file's name tells more
        yield named(files[0] if alone else path)
        return
    yield from inner
    for child in files:
        yield from _inside(child, depth + 1)


def _holds_any(path: Path) -> bool:
    """Whether there is an archive or a record at a path."""
    found = path.rglob("*") if path.is_dir() else [path]
    return bool(_by_system(path)) or any(
        is_archive(each) or each.name.endswith(("record.json", ".ipynb")) for each in found
    )


def _are_students(folder: Path, archives: list[Path]) -> bool:
    """Whether archives in one folder are several students', rather than one student's attempts."""
    if len(archives) > MANY:
        return True
    claims = {claim for path in archives if (claim := _claim(path))}
    if len(claims) > 1:
        return True
    called = {stem(path) for path in archives}
    return len(called) > 1 and all(map(_NETID.fullmatch, called)) and not _NETID.fullmatch(folder.name)


def _claim(path: Path) -> str:
    """The NetID in a zip's manifest, as far as it can be had at once; empty otherwise."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("manifest.json") as file:
            return plain_netid(json.loads(file.read(MAX_MANIFEST).decode("utf-8-sig"))["netid"])
    except Exception:  # only a hint; what is wrong with the zip is said when it is graded
        return ""


def _is_whole_export(path: Path) -> bool:
    """Whether a zip holds the submissions of several people, as a course system hands them out."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [PurePosixPath(name) for name in archive.namelist()[:MANY_NAMES]]
    except Exception:  # only a hint; what is wrong with the zip is said when it is graded
        return False
    if any(name.name == METADATA and len(name.parts) <= 2 for name in names):
        return True
    tops = [Path(part) for name in names for part in name.parts[:2]]
    owners = {named(top).owner for top in tops if _by_system(top)}
    plain = {stem(top) for top in tops if is_archive(top) and _NETID.fullmatch(stem(top))}
    return len(owners) > 1 or len(plain) > 1


def _is_ignored(path: Path) -> bool:
    """Whether a name is a system's own or a result of ours; a placeholder of a cloud drive is a student's."""
    if path.name in IGNORED or path.name.startswith(BEGIN_NONE):
        return True
    if path.name.startswith("."):
        return not path.name.endswith(PLACEHOLDER)
    return path.is_dir() and path.suffix == ".cache"


def _is_handed_in(path: Path) -> bool:
    return not path.name.lower().endswith(OURS) or bool(_by_system(path))


def _by_system(path: Path) -> re.Match[str] | None:
    patterns = (_MOODLE, _BRIGHTSPACE, _BLACKBOARD, _CANVAS, _CANVAS_TEXT)
    return next((found for pattern in patterns if (found := pattern.fullmatch(path.name))), None)


def named(path: Path) -> Entry:
    """The entry of a file or folder, with who handed it in by its name."""
    home = str(path.parent.resolve())
    if path.parent.parent.name == "submitted":
        netid = path.parent.name
        return Entry(path, (Person(netid),), f"nbgrader {path.parent.parent.resolve()} {netid}")
    found = _by_system(path)
    if found is None:
        return Entry(path)
    told = found.groupdict()
    again = _AGAIN.search(stem(path))
    if found.re is _CANVAS:
        order = (float(again[1]) if again else 0.0, float(told["file"]))
        return Entry(path, (Person("", told["name"]),), f"canvas {home} {told['user']}", order)
    if found.re is _CANVAS_TEXT:
        return Entry(path, (Person("", told["name"]),), f"canvas {home} {told['user']}", (-1.0, 0.0))
    if found.re is _MOODLE:
        is_file = (float(told["kind"] == "file"),)
        return Entry(path, (Person("", told["name"]),), f"moodle {home} {told['user']}", is_file)
    if found.re is _BRIGHTSPACE:
        owner = f"brightspace {home} {told['user']} {told['name']}"
        return Entry(path, (Person("", told["name"]),), owner, (_brightspace_time(told["when"]),))
    digits = float("".join(part.zfill(2) for part in told["when"].split("-")))
    return Entry(path, (Person(told["netid"]),), f"blackboard {home} {plain_netid(told['netid'])}", (digits,))


def _brightspace_time(text: str) -> float:
    words = text.replace(",", "").split()
    clock = words[-2].zfill(4)
    for form in ("%d %B %Y", "%B %d %Y", "%d %b %Y", "%b %d %Y"):
        try:
            moment = datetime.strptime(f"{' '.join(words[:-2])} {clock} {words[-1]}", f"{form} %I%M %p")
        except ValueError:
            continue
        return moment.timestamp()
    return 0.0


def _gradescope(folder: Path, depth: int) -> Iterator[Entry]:
    listed = _metadata(folder / METADATA)
    for name, facts in listed.items():
        facts = facts if isinstance(facts, dict) else {}
        people = tuple(map(_person, _list(facts.get(":submitters") or facts.get("submitters"))))
        owner = f"gradescope {folder.resolve()} {people[0].netid or people[0].name if people else name}"
        created = str(facts.get(":created_at") or facts.get("created_at") or "")
        order = (when.timestamp() if (when := moment(created)) else 0.0,)
        found = next((path for path in (folder / name, folder / f"{name}.zip") if path.exists()), None)
        problem = "" if found else f"Gradescope's {METADATA} lists this submission, but the export holds no files of it"
        yield Entry(found or folder / name, people, owner, order, problem, created)
    taken = {METADATA, *listed, *(f"{name}.zip" for name in listed)}
    for child in sorted(folder.iterdir()):  # what lies beside the listed submissions: each is a row too
        if child.name not in taken and not _is_ignored(child):
            yield from _inside(child, depth + 1)


def _metadata(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise ToolMissing(f"{path} cannot be read without PyYAML: pip install 'servelab[grade]'.") from None
    try:
        # The base loader leaves every value the text that it is: a student's id may look like a number or a `no`.
        listed = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{path} cannot be read ({str(error).splitlines()[0]}). Export the submissions again."
        ) from None
    if not isinstance(listed, dict):
        raise UsageError(f"{path} lists no submissions. Export them from Gradescope again.")
    return {str(name): facts for name, facts in listed.items() if "/" not in str(name) and ".." not in str(name)}


def _list(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _person(facts: dict[str, Any]) -> Person:
    """NetID by the address before its @, else the student's id; either may be what a submission names."""
    told = {name.lstrip(":"): str(value).strip() for name, value in facts.items() if str(value).strip() not in NOTHING}
    address, number = plain_netid(told.get("email", "")), told.get("sid", "")
    return Person(address or number, told.get("name", ""), tuple(filter(None, (number,))))
