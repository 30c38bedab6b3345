"""submission.pdf and template.pdf: question N on page N, set by Typst, the same bytes for the same answers."""

from __future__ import annotations

import io
import json
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from grading.questions import Question
from grading.questions.describe import worth
from grading.submission.fonts import FAMILIES, settable, visible
from grading.submission.screenshots import FORMATS, MAX_PIXELS

LAYOUT = Path(__file__).with_name("submission.typ")
PICTURE_WIDTH = 1600
# Code, bold, emphasis, paragraph. An asterisk between blanks is one: 3 * 4.
MARKUP = re.compile(r"`([^`]+)`|\*\*(?=\S)(.+?)(?<=\S)\*\*|\*(?=[^\s*])([^*]*[^\s*])\*|\n\s*\n", re.DOTALL)


@dataclass(frozen=True)
class Page:
    """One question as the PDF shows it. `state` is a remark (time, late, missing); `alarm` sets it in red."""

    question: Question
    answer: str = ""
    state: str = ""
    alarm: bool = False
    measured: tuple[str, ...] = ()
    picture: Path | None = None
    placeholder: str = ""


@dataclass(frozen=True)
class Heading:
    """What stands at the head and foot of every page."""

    title: str
    name: str = ""
    netid: str = ""
    runs: str = ""
    footer: str = ""


def template_pages(questions: Sequence[Question]) -> list[Page]:
    """Empty pages, for the instructor to mark the regions of a fixed-template assignment."""
    return [Page(question, placeholder=" ") for question in questions]


def markup(text: str) -> list[dict[str, str]]:
    """Markdown's code, bold and emphasized spans and paragraphs as pieces for the layout; all else is plain text.

    A line break within a span or a paragraph is a blank.
    """
    pieces, end = [], 0
    for match in MARKUP.finditer(text):
        pieces.append({"kind": "text", "text": _one_line(text[end : match.start()])})
        code, bold, emphasis = match.groups()
        kind = "code" if code else "bold" if bold else "emphasis" if emphasis else "break"
        pieces.append({"kind": kind, "text": _one_line(code or (bold or emphasis or "").replace("*", ""))})
        end = match.end()
    return [*pieces, {"kind": "text", "text": _one_line(text[end:])}]


def _one_line(text: str) -> str:
    return " ".join(text.split("\n"))


def picture_bytes(path: Path) -> bytes:
    """The picture as JPEG at most 1600 pixels wide, upright, on white. Raises ValueError if it is none."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=tuple(FORMATS)) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise ValueError(f"{path.name} has {opened.width}x{opened.height} pixels, more than a screen shows")
            image = ImageOps.exif_transpose(opened).convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path.name} is not a readable picture: {error}") from None
    image.thumbnail((PICTURE_WIDTH, 2 * PICTURE_WIDTH))
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    buffer = io.BytesIO()
    flat.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _indented(answer: str) -> str:
    """Spaces that indent a line, kept as they are by the layout."""
    return re.sub(r"(?m)^[ \t]+", lambda match: "\u00a0" * len(match.group().expandtabs(4)), answer)


def _form(question: Question) -> str:
    return (
        f"Choices: {' / '.join(question.choices)}"
        if question.choices
        else (f"Unit: {question.unit}" if question.unit else "")
    )


def _page_data(page: Page, number: int, folder: Path) -> dict[str, Any]:
    """One page as the layout reads it; its picture is written into `folder`."""
    question, picture, placeholder = page.question, None, page.placeholder or "No answer."
    state, alarm = page.state, page.alarm
    if page.picture is not None:
        try:
            (folder / f"{number}.jpg").write_bytes(picture_bytes(page.picture))
            picture = f"{number}.jpg"
        except ValueError as error:
            placeholder, state, alarm = "Screenshot unreadable.", str(error), True
    return {
        "number": number,
        "id": question.id,
        "kind": question.kind,
        "points": worth(question),
        "text": markup(question.text),
        "form": _form(question),
        "state": state,
        "alarm": alarm,
        "measured": list(page.measured),
        "answer": _indented(page.answer),
        "picture": picture,
        "placeholder": placeholder,
    }


def _map_strings(value: Any, change: Callable[[str], Any]) -> Any:
    """`value` (JSON) with `change` applied to every string in it."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_strings(item, change) for key, item in value.items()}
    return [_map_strings(item, change) for item in value] if isinstance(value, list) else value


def render(heading: Heading, pages: Sequence[Page]) -> tuple[bytes, tuple[str, ...]]:
    """PDF bytes, and the characters that no font could draw (shown in it as code points)."""
    import typst

    with tempfile.TemporaryDirectory(prefix="servelab-pdf-") as name:
        folder = Path(name)
        data: dict[str, Any] = {**asdict(heading), "author": heading.netid}
        data["questions"] = [_page_data(page, number, folder) for number, page in enumerate(pages, start=1)]
        strings: list[str] = []
        _map_strings(data, strings.append)
        fonts, replaced = settable("".join(strings))
        shown = _map_strings(data, lambda string: visible(string, replaced))
        known = set(fonts.families())
        shown["families"] = [family for family in FAMILIES if family in known] or ["Libertinus Serif"]
        (folder / "data.json").write_text(json.dumps(shown), encoding="utf-8")
        (folder / LAYOUT.name).write_bytes(LAYOUT.read_bytes())
        pdf = typst.compile(folder / LAYOUT.name, root=folder, font_paths=fonts)
    return pdf, replaced
