"""The picture of the architecture shows the code of today, drawn from it and light enough for a page."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from images import architecture


def test_the_picture_is_drawn_from_todays_imports() -> None:
    text = architecture.PICTURE.read_text(encoding="utf-8")
    assert architecture.drawn_graph(text) == architecture.graph(), "Run `make pictures` and commit what it writes."
    assert text == architecture.draw(architecture.graph())


def test_an_arrow_with_a_way_round_is_left_out() -> None:
    used = {"top": ["middle", "ground"], "middle": ["ground"], "ground": []}
    assert architecture.needed(used) == [("top", "middle"), ("middle", "ground")]


def test_every_room_has_its_box_and_the_picture_stays_small() -> None:
    text = architecture.PICTURE.read_text(encoding="utf-8")
    labels = {element.text for element in ET.fromstring(text).iter("{http://www.w3.org/2000/svg}text")}
    assert {"reserve/", "snippets/", "grading/", "servelab.py", "record", "sites", "checks"} <= labels
    assert len(text) < 150_000
