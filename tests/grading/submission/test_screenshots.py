"""Pictures are found by question, judged by what can be seen on them, and the first usable one is taken."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grading.questions.schema import Question
from grading.submission import screenshots
from grading.submission.screenshots import Picture, choose, from_folders, from_notebook, problem_with
from tests.grading.pictures import picture


def asked(*names: str) -> list[Question]:
    return [Question(name, "screenshot", "Show it.", 1, rubric="r") for name in names]


GRAPH, PAGE, OTHER_PAGE = "model.graph.netron", "system.endpoint.page", "system.triton.page"


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def two_tones(width: int, height: int, darker: int, lighter: int, kind: str = "PNG") -> bytes:
    """A picture whose left half has one grey and whose right half has another."""
    image = Image.new("L", (width, height), darker)
    image.paste(lighter, (width // 2, 0, width, height))
    return encoded(image, kind)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (two_tones(300, 150, 0, 255), ""),
        (two_tones(299, 150, 0, 255), "is tiny (299x150); at least 300x150"),
        (two_tones(300, 149, 0, 255), "is tiny (300x149)"),
        (two_tones(300, 150, 100, 108), ""),
        (two_tones(300, 150, 100, 107), "is blank"),
        (b"text", "is not a readable picture"),
        (picture(1)[:-2000], "is not a readable picture"),
    ],
)
def test_a_picture_must_be_readable_large_enough_and_show_something(data: bytes, problem: str) -> None:
    found, _ = problem_with(data)
    assert found.startswith(problem) and bool(found) == bool(problem)


def test_a_picture_may_have_as_many_pixels_and_bytes_as_allowed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    data = two_tones(400, 200, 0, 255)
    monkeypatch.setattr(screenshots, "MAX_PIXELS", 80_000)
    monkeypatch.setattr(screenshots, "MAX_BYTES", len(data))
    assert problem_with(data)[0] == ""
    monkeypatch.setattr(screenshots, "MAX_PIXELS", 79_999)
    assert problem_with(data)[0] == "has 400x200 pixels; take a picture of the window only"
    monkeypatch.setattr(screenshots, "MAX_BYTES", len(data) - 1)
    assert "save it as a smaller PNG" in problem_with(data)[0]


@pytest.mark.parametrize("kind", ["PNG", "GIF", "JPEG", "WEBP", "BMP"])
def test_without_pillow_the_size_is_read_from_the_header(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    fits, narrow = (two_tones(width, 150, 0, 255, kind) for width in (300, 299))
    monkeypatch.setitem(sys.modules, "PIL", None)  # importing it raises ImportError
    assert problem_with(fits) == ("", 0)
    assert problem_with(narrow)[0].startswith("is tiny (299x150)")
    assert problem_with(b"\xff\xd8\xff\xe0 no picture")[0].startswith("is not a readable picture")


@pytest.mark.parametrize("pillow", [True, False])
def test_markers_of_a_jpeg_may_be_filled_up(monkeypatch: pytest.MonkeyPatch, pillow: bool) -> None:
    data = two_tones(300, 150, 0, 255, "JPEG")
    filled = data[:2] + b"\xff\xff" + data[2:]
    if not pillow:
        monkeypatch.setitem(sys.modules, "PIL", None)
    assert problem_with(filled)[0] == ""


@pytest.mark.parametrize(("values", "blank"), [([1000, 60_000], False), ([40_000, 40_100], True)])
def test_a_picture_of_16_bits_is_looked_at_in_its_own_range(values: list[int], blank: bool) -> None:
    pixels = np.repeat(np.array(values, dtype=np.uint16), 45_000 // len(values)).reshape(150, 300)
    kept = io.BytesIO()
    Image.fromarray(pixels).save(kept, "PNG")
    assert problem_with(kept.getvalue())[0].startswith("is blank") == blank


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("GIF", ".gif"), ("WEBP", ".webp")])
def test_the_ending_follows_the_content(kind: str, suffix: str) -> None:
    assert Picture("q", "s", two_tones(300, 150, 0, 255, kind)).suffix == suffix


def names_found(folder: Path, name: str) -> list[str]:
    (folder / name).write_bytes(b"x")
    return [each.question for each in from_folders([folder], asked(GRAPH, PAGE, OTHER_PAGE))[0]]


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("model.graph.netron.png", GRAPH),
        ("Model-Graph_Netron.JPG", GRAPH),
        ("netron.webp", GRAPH),
        ("system.endpoint.page.png", PAGE),
        ("page.png", None),
        ("netron.txt", None),
        ("netrom.png", None),
    ],
)
def test_a_file_belongs_to_the_question_that_it_names_if_only_one_does(
    tmp_path: Path, name: str, question: str | None
) -> None:
    assert names_found(tmp_path, name) == ([question] if question else [])


def test_a_picture_of_no_question_is_told_unless_the_run_took_it_itself(tmp_path: Path) -> None:
    (tmp_path / "swagger.png").write_bytes(b"x")
    assert from_folders([tmp_path], asked(GRAPH), frozenset({"swagger.png"})) == ([], [])
    assert from_folders([tmp_path], asked(GRAPH))[1] == ["swagger.png belongs to no screenshot question"]


def test_links_are_not_followed_and_missing_folders_are_empty(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "screens").mkdir()
    (tmp_path / "screens" / "netron.png").symlink_to(tmp_path / "secret")
    assert from_folders([tmp_path / "screens", tmp_path / "none"], asked(GRAPH)) == ([], [])


def pasted(path: Path, *cells: object) -> list[tuple[str, bytes]]:
    path.write_text(json.dumps({"cells": list(cells)}))
    return [(each.question, each.data) for each in from_notebook(path, asked(GRAPH, PAGE))]


def asks(name: str) -> dict[str, object]:
    return {"cell_type": "code", "source": f'ask(run, "{name}", answer=...)'}


def holds(data: bytes, source: str = "", name: str = "image.png") -> dict[str, object]:
    return {
        "cell_type": "markdown",
        "source": source,
        "attachments": {name: {"image/png": base64.b64encode(data).decode()}},
    }


def test_a_pasted_picture_belongs_to_the_question_above_it_or_the_one_it_names(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    assert pasted(path, holds(b"0"), asks(GRAPH), holds(b"1"), asks(PAGE), holds(b"2")) == [(GRAPH, b"1"), (PAGE, b"2")]
    assert pasted(path, asks(GRAPH), holds(b"1", source=f"For {PAGE}")) == [(PAGE, b"1")]
    assert pasted(path, holds(b"1", name=f"{PAGE}.png")) == [(PAGE, b"1")]
    assert pasted(path, asks(GRAPH), asks("model.graph.why"), holds(b"1")) == [], "that question wants no picture"


@pytest.mark.parametrize("cell", [7, {}, {"attachments": []}, {"attachments": {"a": 3}}, {"source": ["x"]}])
def test_cells_of_no_form_hold_no_picture(tmp_path: Path, cell: object) -> None:
    assert pasted(tmp_path / "n.ipynb", asks(GRAPH), cell) == []
    for text in ("", "[]", '{"cells": 3}'):
        (tmp_path / "n.ipynb").write_text(text)
        assert from_notebook(tmp_path / "n.ipynb", asked(GRAPH)) == []
    assert from_notebook(tmp_path / "gone.ipynb", asked(GRAPH)) == []


def test_the_first_usable_candidate_is_taken_and_the_others_are_told() -> None:
    found = choose(
        [Picture(GRAPH, "first", b"x"), Picture(GRAPH, "second", picture(1)), Picture(GRAPH, "third", picture(2))],
        asked(GRAPH),
        ["told before"],
    )
    assert found.pictures[GRAPH].source == "second" and found.pictures[GRAPH].problem == ""
    assert found.problems == (
        "told before",
        f"{GRAPH}: first is not a readable picture; take it again and save it as PNG",
    )


def test_a_question_without_a_usable_picture_has_none() -> None:
    found = choose([Picture(GRAPH, "first", b"x")], asked(GRAPH, PAGE))
    assert found.pictures == {} and len(found.problems) == 2 and f"screens/{PAGE}.png" in found.problems[1]


def test_the_same_picture_for_two_questions_is_found_though_it_was_saved_anew() -> None:
    smaller = Image.open(io.BytesIO(picture(1))).resize((400, 250))
    found = choose(
        [Picture(GRAPH, "a", picture(1)), Picture(PAGE, "b", encoded(smaller)), Picture(OTHER_PAGE, "c", picture(2))],
        asked(GRAPH, PAGE, OTHER_PAGE),
    )
    assert found.pictures[PAGE].problem == f"shows the same picture as {GRAPH}"
    assert found.pictures[OTHER_PAGE].problem == ""
    assert found.problems == (f"{PAGE}: b shows the same picture as {GRAPH}",)


@pytest.mark.parametrize("lossless", [True, False])
def test_every_kind_of_webp_says_its_size_without_pillow(monkeypatch: pytest.MonkeyPatch, lossless: bool) -> None:
    found = []
    for mode in ("RGB", "RGBA"):
        buffer = io.BytesIO()
        extra = {"exif": b"Exif"} if mode == "RGBA" else {}
        Image.new(mode, (301, 152), "red").save(buffer, "WEBP", lossless=lossless, **extra)
        found.append(buffer.getvalue())
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr(screenshots, "MIN_WIDTH", 302)
    assert [problem_with(data)[0].partition(";")[0] for data in found] == ["is tiny (301x152)"] * 2


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_a_picture_is_taken_alike_with_and_without_pillow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for name in ("model.graph.netron.jfif", "model.graph.netron"):
        (tmp_path / name).write_bytes(two_tones(400, 200, 0, 255, kind))
    graph = asked(GRAPH)
    with_pillow = choose(from_folders([tmp_path], graph)[0], graph).pictures
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert choose(from_folders([tmp_path], graph)[0], graph).pictures.keys() == with_pillow.keys() != set()


@pytest.mark.parametrize(
    ("name", "what"), [("netron.HEIC", "a HEIC picture"), ("netron.pdf", "a PDF"), ("other.tiff", "a TIFF picture")]
)
def test_what_no_grader_can_show_is_refused_with_the_remedy(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / name).write_bytes(b"II*\0 something else")
    pictures, (problem,) = from_folders([tmp_path], asked(GRAPH))
    assert pictures == [] and f"is {what}; open it, and save it as PNG" in problem


def test_only_pictures_are_opened_whatever_their_name(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (400, 200), "red").save(buffer, "EPS")
    assert problem_with(buffer.getvalue())[0].startswith("is not a readable picture")
