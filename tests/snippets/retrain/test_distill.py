"""A lesson is recorded step by step, replays, takes any ONNX file for a teacher, and a course's own classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from snippets.data.datasets import Dataset, dataset
from snippets.data.image import preprocess
from snippets.engine.plan import plan_of
from snippets.engine.providers import session
from snippets.record import open_run
from snippets.retrain import distill, gain
from snippets.retrain.distill import Effort
from tests.snippets.onnx_files import save_onnx


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A course's own three classes, a few pictures each."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("own")
    dice = np.random.default_rng(0)
    for split in ("training", "validation", "evaluation"):
        for place, name in enumerate(("cat", "dog", "fish")):
            (folder / split / name).mkdir(parents=True)
            for number in range(3):
                pixels = np.clip(dice.normal(60 + 80 * place, 20, (64, 64, 3)), 0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / split / name / f"{number}.png")
    return dataset(folder, cache=tmp_path_factory.mktemp("cache"))


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """A file that says how bright a picture's first pixel is, three times: enough for a teacher."""
    nodes = [
        helper.make_node("Slice", ["input", "from", "to", "axes"], ["pixel"]),
        helper.make_node("Reshape", ["pixel", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weight"], ["logits"]),
    ]
    weights = {
        "from": np.zeros(2, dtype=np.int64),
        "to": np.ones(2, dtype=np.int64),
        "axes": np.array([2, 3], dtype=np.int64),
        "shape": np.array([-1, 3], dtype=np.int64),
        "weight": np.array([[-1, 0.1, 1], [-1, 0.1, 1], [-1, 0.1, 1]], dtype=np.float32),
    }
    return save_onnx(tmp_path / "teacher.onnx", nodes, weights, ("batch", 3, 224, 224), ("batch", 3))


@pytest.fixture
def lesson(tmp_path: Path, own: Dataset, teacher: Path, monkeypatch: pytest.MonkeyPatch):
    """Opens a lesson of two steps in a mode."""
    monkeypatch.setitem(distill.EFFORTS, "quick", Effort(6, 2))

    def opened(mode: str = "resume") -> distill.Lesson:
        run = open_run(
            "model", notebook="6_retrain", run_id="x", runs=tmp_path, profile="quick", mode=mode, parameters={}
        )
        return distill.Lesson(run, teacher, own, plan_of("quick", 1))

    return opened


def test_the_teachers_logits_are_those_of_its_file_and_are_kept(lesson) -> None:
    told = lesson().teacher()
    assert told["logits"].shape == (6, 3) and told["logits"].dtype == np.float32 and told["temperature"] > 0
    assert told["labels"].tolist() == [0, 0, 1, 1, 2, 2] and told["split"] == "training"
    assert np.allclose(told["logits"][:, 0], -told["logits"][:, 2])


def test_every_student_of_every_seed_is_recorded_and_a_replay_trains_none(lesson) -> None:
    found = lesson().students()
    assert set(found) == {(source, seed) for source in gain.SOURCES for seed in gain.SEEDS}
    for one in found.values():
        assert one["predictions"].shape == one["labels"].shape == (9,) and one["split"] == "evaluation"
    steps = lesson().run.record().names()
    assert {f"distill/{source}-{seed}/{what}" for source, seed in found for what in ("train", "accuracy")} < set(steps)
    again = lesson("replay")
    assert [one.tolist() for one in distill.predictions(again.students(), gain.TEACHER)] == [
        found[gain.TEACHER, seed]["predictions"].tolist() for seed in gain.SEEDS
    ]
    assert again.run.record().names() == steps


def test_the_best_student_of_the_teacher_by_validation_becomes_a_file_that_answers_as_it_did(lesson) -> None:
    taught = lesson()
    students, small = taught.students(), taught.exported()
    right = {
        seed: (one["validation_predictions"] == one["validation_labels"]).mean()
        for seed in gain.SEEDS
        for one in [taught.trained(gain.TEACHER, seed)]
    }
    assert right[small["seed"]] == max(right.values())
    assert small["bytes"] == small["file"].stat().st_size and small["parameters"] < 400_000
    evaluation = taught.data.split("evaluation")
    ours = session(small["file"], threads=1)(preprocess(evaluation.images)).argmax(1)
    assert ours.tolist() == students[gain.TEACHER, small["seed"]]["predictions"].tolist()


def test_another_teacher_teaches_anew_and_leaves_the_students_of_the_labels_as_they_are(
    lesson, teacher: Path, tmp_path: Path
) -> None:
    first = lesson()
    first.students()
    before = len(first.run.record().steps)
    other = onnx.load(teacher)
    other.producer_name = "another"
    onnx.save(other, tmp_path / "other.onnx")
    replace(first, fp32=tmp_path / "other.onnx").students()
    new = [step.name for step in first.run.record().steps[before:]]
    assert {name.split("/")[1].split("-")[0] for name in new} == {"teacher"}
