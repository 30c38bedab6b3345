"""From shipped weights to files: recorded once, replayed after, and begun anew for a course's own classes."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.data.food11_classes import CLASSES
from snippets.engine.plan import plan_of
from snippets.record import open_run
from snippets.smaller import family
from snippets.smaller.family import Lesson


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(family.LESSONS, "quick", Lesson(4, 1, 8))


def opened(tmp_path: Path, mode: str = "resume"):
    return open_run("model", notebook="5_smaller", run_id="x", runs=tmp_path, profile="quick", mode=mode, parameters={})


@pytest.mark.usefixtures("short")
def test_a_course_with_its_own_classes_gets_new_classifiers_on_the_shipped_features(
    tmp_path: Path, own_classes
) -> None:
    run, how = opened(tmp_path), plan_of("quick", 1)
    for name in ("transformer", family.EMBEDDING):
        found = family.exported(run, name, own_classes, how)
        assert run.record().result(f"smaller/{name}/train")["start"] == "the shipped features, with a new classifier"
        assert found["file"].name == f"{name}.onnx" and found["parameters"] > 500_000
    count = len(run.record().steps)
    again = opened(tmp_path, "replay")
    assert family.exported(again, "transformer", own_classes, how)["bytes"] == found_bytes(run, "transformer")
    assert len(run.record().steps) == count


def found_bytes(run, name: str) -> int:
    return run.record().result(f"smaller/{name}/export")["bytes"]


def test_the_kits_classes_keep_the_shipped_classifier() -> None:
    assert family.begin("resnet", tuple(CLASSES))[1] == "the shipped weights"
    assert family.begin(family.EMBEDDING, tuple(CLASSES))[1] == "the shipped features, with a new classifier"
