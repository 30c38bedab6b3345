"""The student's screenshots, found by question id: files, or pictures pasted into notebook cells.

A picture belongs to the question whose id is its file's name (`screens/model.graph.netron.png`, or the id's last
word where only one question ends so), or under whose `ask(...)` cell it was pasted. Every candidate is judged:
not a picture, tiny, blank, or the same as another question's.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grading.questions.schema import ASK, Question
from grading.shown import line
from snippets.files import sha256_bytes

FORMATS = {"PNG": ".png", "JPEG": ".jpg", "GIF": ".gif", "WEBP": ".webp", "BMP": ".bmp"}
"""What is taken as a picture, by content, with and without Pillow alike; and the suffix that it is kept under."""
SUFFIXES = {*FORMATS.values(), ".jpeg", ".jpe", ".jfif"}
OTHERS = {
    ".heic": "a HEIC picture",
    ".heif": "a HEIC picture",
    ".avif": "an AVIF picture",
    ".pdf": "a PDF",
    ".tif": "a TIFF picture",
    ".tiff": "a TIFF picture",
    ".svg": "an SVG drawing",
    ".docx": "a Word document",
    ".odt": "a text document",
    ".eps": "a PostScript drawing",
}
"""What students save screenshots as that no grader can show: refused while it can still be mended."""
MIN_WIDTH, MIN_HEIGHT = 300, 150
MAX_PIXELS = 60_000_000
MAX_BYTES = 20_000_000


@dataclass(frozen=True)
class Picture:
    """One candidate. `source` says where it was found; `problem` is empty for a usable picture."""

    question: str
    source: str
    data: bytes = field(repr=False)
    problem: str = ""

    @property
    def suffix(self) -> str:
        """File name ending by content, `.png` when unknown."""
        return FORMATS.get(format_of(self.data), ".png")


@dataclass(frozen=True)
class Found:
    """Screenshots of a submission: the best candidate per question, and what to tell the student."""

    pictures: dict[str, Picture]
    problems: tuple[str, ...]


def format_of(data: bytes) -> str:
    """Which of FORMATS a picture is, by its first bytes; empty for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    magic = {b"\x89PNG\r\n\x1a\n": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"BM": "BMP"}
    return next((name for first, name in magic.items() if data.startswith(first)), "")


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP file, by the kind of its first chunk (RFC 9649)."""
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return int.from_bytes(data[26:28], "little") & 0x3FFF, int.from_bytes(data[28:30], "little") & 0x3FFF
    return None


def _header_size(data: bytes) -> tuple[int, int] | None:
    """Width and height by the file's header, for graders without Pillow; None for what is none of FORMATS."""
    if format_of(data) == "WEBP" and len(data) >= 30:
        return _webp_size(data)
    if format_of(data) == "BMP" and len(data) >= 26:
        return int.from_bytes(data[18:22], "little"), abs(int.from_bytes(data[22:26], "little", signed=True))
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    if data[:3] == b"GIF" and len(data) >= 10:
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    at = 2
    while data[:2] == b"\xff\xd8" and at + 9 < len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # a marker may be filled up with any number of these
            at += 1
            continue
        if 0xC0 <= data[at + 1] <= 0xCF and data[at + 1] not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 7 : at + 9]), int.from_bytes(data[at + 5 : at + 7])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _pixels(data: bytes) -> tuple[tuple[int, int], tuple[float, float], bytes]:
    """Size, darkest and lightest of a small grey copy, and a 9x8 grey copy. Raises what Pillow raises."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=[format_of(data)]) as image:
        if image.width * image.height > MAX_PIXELS:
            return image.size, (0, 255), b""
        deep = image.mode.startswith("I")  # 16 bits, which converting alone would clip
        grey = image.convert("I").point(lambda value: value / 256).convert("L") if deep else image.convert("L")
    low, high = grey.resize((64, 64)).getextrema()
    assert isinstance(low, int | float) and isinstance(high, int | float)
    return image.size, (low, high), grey.resize((9, 8)).tobytes()


def problem_with(data: bytes) -> tuple[str, int]:
    """What is wrong with a picture (empty if nothing), and its difference hash (64 bits; 0 if unknown).

    Without Pillow (an autograder with the standard library only) size and form are read from the header.
    """
    if len(data) > MAX_BYTES:
        return f"is {len(data) / 1e6:.0f} MB; save it as a smaller PNG", 0
    unreadable = "is not a readable picture; take it again and save it as PNG"
    if not format_of(data):
        return unreadable, 0
    small = b""
    low, high = 0.0, 255.0
    try:
        size, (low, high), small = _pixels(data)
    except ImportError:
        found = _header_size(data)
        if found is None:
            return unreadable, 0
        size = found
    except Exception:  # Pillow's readers raise many kinds for damaged files
        return unreadable, 0
    if size[0] * size[1] > MAX_PIXELS:
        return f"has {size[0]}x{size[1]} pixels; take a picture of the window only", 0
    if size[0] < MIN_WIDTH or size[1] < MIN_HEIGHT:
        return f"is tiny ({size[0]}x{size[1]}); at least {MIN_WIDTH}x{MIN_HEIGHT} can be read", 0
    if high - low < 8:
        return "is blank (one colour); take it once the page has loaded", 0
    bits = 0
    for row in range(8 if small else 0):
        for column in range(8):
            bits = bits << 1 | (small[row * 9 + column] > small[row * 9 + column + 1])
    return "", bits


def _named(stem: str, questions: Sequence[Question]) -> str | None:
    """The id of the screenshot question that a file's stem names: its id, its id with hyphens, its last word."""
    ids = [question.id for question in questions if question.kind == "screenshot"]
    plain = stem.lower().replace("_", "-").replace(".", "-")
    exact = [name for name in ids if name.lower().replace("_", "-").replace(".", "-") == plain]
    last = [name for name in ids if name.rsplit(".", 1)[-1].lower().replace("_", "-") == plain]
    return exact[0] if exact else last[0] if len(last) == 1 else None


def from_folders(
    folders: Iterable[Path], questions: Sequence[Question], recorded: frozenset[str] = frozenset()
) -> tuple[list[Picture], list[str]]:
    """Pictures in `folders` by file name, and a message for each file that names no question.

    `recorded`: file names that the run took itself (the kit's own browser); they need not name a question.
    """
    found, problems = [], []
    for folder in folders:
        for path in sorted(folder.glob("*")) if folder.is_dir() else []:
            if path.is_symlink() or not path.is_file() or path.name.startswith("."):
                continue
            data = path.read_bytes()
            name = _named(path.stem, questions) or _named(path.name, questions)
            if path.suffix.lower() not in SUFFIXES and not format_of(data):
                if told := OTHERS.get(path.suffix.lower()):
                    remedy = "open it, and save it as PNG under the same name"
                    problems.append(f"{name or line(path.name)}: {line(path.name)} is {told}; {remedy}")
                continue
            if name:
                found.append(Picture(name, line(f"{folder.name}/{path.name}"), data))
            elif path.name not in recorded:
                ids = [question.id for question in questions if question.kind == "screenshot"]
                near = difflib.get_close_matches(path.stem, ids, n=1, cutoff=0.4)
                hint = f"; did you mean {near[0]}{path.suffix}?" if near else ""
                problems.append(f"{line(path.name)} belongs to no screenshot question{hint}")
    return found, problems


def from_notebook(path: Path, questions: Sequence[Question]) -> list[Picture]:
    """Pictures pasted into the Markdown cells of a notebook, each for the screenshot question above it."""
    ids = {question.id for question in questions if question.kind == "screenshot"}
    try:
        cells = json.loads(path.read_text(encoding="utf-8")).get("cells", [])
    except (OSError, ValueError, AttributeError):
        return []
    found, current = [], None
    for cell in cells if isinstance(cells, list) else []:
        source = "".join(cell.get("source", "")) if isinstance(cell, dict) else ""
        if asked := ASK.findall(source):
            current = asked[-1] if asked[-1] in ids else None
        attachments = cell.get("attachments") if isinstance(cell, dict) else None
        for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
            named = next((i for i in ids if i in source or i in name), current)
            for kind, encoded in bundle.items() if isinstance(bundle, dict) else ():
                if named and str(kind).startswith("image/"):
                    try:
                        data = base64.b64decode("".join(encoded), validate=False)
                    except (binascii.Error, TypeError, ValueError):
                        data = b""
                    found.append(Picture(named, f"{path.name}, {name}", data))
    return found


def choose(candidates: Sequence[Picture], questions: Sequence[Question], problems: Sequence[str] = ()) -> Found:
    """The first usable candidate of each question, and what is wrong, missing or doubled, by question id."""
    told, chosen = list(problems), {}
    hashes: dict[str, tuple[str, int]] = {}
    for question in (question for question in questions if question.kind == "screenshot"):
        mine = [picture for picture in candidates if picture.question == question.id]
        if not mine:
            told.append(
                f"{question.id}: no screenshot. Save one as screens/{question.id}.png or paste it under the question"
            )
        for picture in mine:
            problem, bits = problem_with(picture.data)
            if problem:
                told.append(f"{question.id}: {picture.source} {problem}")
                continue
            digest = sha256_bytes(picture.data)
            twin = next(
                (
                    name
                    for name, (other, other_bits) in hashes.items()
                    if other == digest or (bits and (bits ^ other_bits).bit_count() <= 1)
                ),
                None,
            )
            if twin:
                problem = f"shows the same picture as {twin}"
                told.append(f"{question.id}: {picture.source} {problem}")
            hashes[question.id] = (digest, bits)
            chosen[question.id] = Picture(question.id, picture.source, picture.data, problem)
            break
    return Found(chosen, tuple(told))
