"""From shipped weights to files: recorded once, replayed after, and begun anew for a course's own classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.data.datasets import Dataset, dataset
from snippets.data.food11_classes import CLASSES
from snippets.engine.plan import plan_of
from snippets.record import open_run
from snippets.smaller import family
from snippets.smaller.family import Lesson


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(family.LESSONS, "quick", Lesson(4, 1, 8))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A course's own three classes, a few pictures each."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("own")
    dice = np.random.default_rng(0)
    for split in ("training", "validation", "evaluation"):
        for name in ("cat", "dog", "fish"):
            (folder / split / name).mkdir(parents=True)
            for number in range(3):
                Image.fromarray(dice.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
                    folder / split / name / f"{number}.png"
                )
    return dataset(folder, cache=tmp_path_factory.mktemp("cache"))


def opened(tmp_path: Path, mode: str = "resume"):
    return open_run("model", notebook="5_smaller", run_id="x", runs=tmp_path, profile="quick", mode=mode, parameters={})


@pytest.mark.usefixtures("short")
def test_a_course_with_its_own_classes_gets_new_classifiers_on_the_shipped_features(tmp_path: Path, own) -> None:
    run, how = opened(tmp_path), plan_of("quick", 1)
    for name in ("transformer", family.EMBEDDING):
        found = family.exported(run, name, own, how)
        assert run.record().result(f"smaller/{name}/train")["start"] == "the shipped features, with a new classifier"
        assert found["file"].name == f"{name}.onnx" and found["parameters"] > 500_000
    count = len(run.record().steps)
    again = opened(tmp_path, "replay")
    assert family.exported(again, "transformer", own, how)["bytes"] == found_bytes(run, "transformer")
    assert len(run.record().steps) == count


def found_bytes(run, name: str) -> int:
    return run.record().result(f"smaller/{name}/export")["bytes"]


def test_the_kits_classes_keep_the_shipped_classifier() -> None:
    assert family.begin("resnet", tuple(CLASSES))[1] == "the shipped weights"
    assert family.begin(family.EMBEDDING, tuple(CLASSES))[1] == "the shipped features, with a new classifier"
