"""A small set of questions of its own, so that these tests do not depend on the lab's texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.questions import schema

QUESTIONS = """
[[question]]
id = "model.graph.layout"
kind = "predict"
text = "Which pass brings **most** of the gain?"
points = 2
steps = ["graph/all/latency"]
choices = ["basic", "extended", "all"]

[[question]]
id = "model.graph.gain"
kind = "number"
text = "How many times faster is `all` than `none`?"
points = 1
unit = "times"
steps = ["graph/all/latency", "graph/none/latency"]

[[question]]
id = "model.graph.why"
kind = "explain"
text = "Why does fusion bring so little on this CPU?"
points = 3
rubric = "Memory traffic, not the number of nodes."

[[question]]
id = "model.graph.netron"
kind = "screenshot"
text = "Show the fused graph in Netron."
points = 1
rubric = "The fused node can be seen."

[[question]]
id = "model.cost.front"
kind = "choose"
text = "Which options are on the front?"
points = 2
choices = ["eager", "onnx-all", "dynamic"]
multiple = true
"""


@pytest.fixture
def small_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Questions of part model from a file of the test's own; returns that file."""
    folder = tmp_path / "questions"
    folder.mkdir()
    path = folder / "model.toml"
    path.write_text(QUESTIONS)
    monkeypatch.setattr(schema, "FOLDER", folder)
    schema.questions.cache_clear()
    schema.retired.cache_clear()
    yield path
    schema.questions.cache_clear()
    schema.retired.cache_clear()
