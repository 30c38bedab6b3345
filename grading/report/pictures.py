"""A run's figures and screenshots for one page: in the order of the lesson, small, and told in words."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grading.questions import questions
from snippets.errors import UsageError
from snippets.record.run import Record
from snippets.record.values import safe_path

if TYPE_CHECKING:
    from PIL.Image import Image

LOSSLESS_BYTES = 60_000
"""A picture that needs more without loss is a photograph, more or less: it is kept at QUALITY."""
QUALITY = 85
EFFORT = 3


@dataclass(frozen=True)
class Picture:
    """One picture: `data` as a URL, `alt` for who cannot see it, `caption` for who can; pixels, 0 where unknown."""

    data: str
    alt: str
    caption: str
    notebook: str
    width: int = 0
    height: int = 0


def figures(record: Record) -> list[Picture]:
    """What the notebooks drew: notebook by notebook, in each as they were drawn first."""
    return _pictures(record, record.figures, lambda name, words: (words.get("Title", ""), words.get("Description", "")))


def screenshots(record: Record) -> list[Picture]:
    """What was photographed, each told by the question that asked for it."""
    asked = asked_in(record.part)

    def told(name: str, _: dict[str, str]) -> tuple[str, str]:
        return name, f"Screenshot. {asked[name]}" if name in asked else f"Screenshot {name}"

    return _pictures(record, record.screenshots, told)


def asked_in(part: str) -> dict[str, str]:
    """The text of each question of a part, by its id; nothing for a part that the kit does not know."""
    try:
        return {one.id: one.text for one in questions(part)}
    except UsageError:
        return {}


def _pictures(
    record: Record,
    entries: dict[str, dict[str, Any]],
    told: Callable[[str, dict[str, str]], tuple[str, str]],
) -> list[Picture]:
    made = []
    for name, entry in sorted(entries.items(), key=lambda item: _place(item[1].get("notebook", ""))):
        path = safe_path(record.folder, entry["$file"])
        if path.is_file():
            data, words, size = _read(path)
            caption, alt = told(name, words)
            plain = re.sub("[_-]+", " ", name)
            made.append(Picture(data, alt or plain, caption or plain, entry.get("notebook", ""), *size))
    return made


def _place(notebook: str) -> tuple[int, str]:
    """Where a notebook stands in the lesson: by its number, of which there may be ten."""
    number = notebook.partition("_")[0]
    return int(number) if number.isdecimal() else 0, notebook


def _read(path: Path) -> tuple[str, dict[str, str], tuple[int, int]]:
    """(URL, the words in the file, size) of a picture; one that cannot be read goes in as it is."""
    from PIL import Image, UnidentifiedImageError

    content, kind = path.read_bytes(), "png"
    words: dict[str, str] = {}
    size = 0, 0
    try:
        with Image.open(io.BytesIO(content)) as image:
            words = {str(key): str(value) for key, value in image.info.items() if isinstance(value, str)}
            size = image.size
            smaller = _smaller(image)
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
        smaller = content
    if len(smaller) < len(content):
        content, kind = smaller, "webp"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}", words, size


def _smaller(image: Image) -> bytes:
    """The picture as WebP, which every browser reads: a chart pixel by pixel, a photograph as photographs are kept."""
    drawn = image.convert("RGBA" if image.has_transparency_data else "RGB")
    out = io.BytesIO()
    drawn.save(out, "WEBP", lossless=True, method=EFFORT)
    if out.tell() > LOSSLESS_BYTES:
        out = io.BytesIO()
        drawn.save(out, "WEBP", quality=QUALITY, method=EFFORT)
    return out.getvalue()
