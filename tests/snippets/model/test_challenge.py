"""The challenge: codes as people type them, images that depend on code, part and chain, and the step that answers."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import numpy as np
import pytest

from snippets.engine.providers import one_by_one
from snippets.errors import RecordError, UsageError
from snippets.model import challenge
from snippets.model.challenge import (
    CODE_VARIABLE,
    IMAGES,
    answer,
    code_of_student,
    drawn,
    read_code,
    written,
)
from snippets.record.run import Run, open_run
from tests.grading.rerun.made import tiny_model

CODE = written(bytes(range(10)))
OTHER = written(bytes(range(1, 11)))


@pytest.fixture
def run() -> Run:
    return open_run("edge", run_id="t", parameters={"a": 1})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "tiny.onnx")


def mean_colours(images: np.ndarray) -> np.ndarray:
    """In the place of a model: each image's mean of each channel."""
    return images.mean(axis=(2, 3))


def test_a_code_is_read_as_people_type_it() -> None:
    assert CODE == "AAAQEA-YEAUDA-OCAJGL"  # 10 bytes in base 32, and the first two signs of their hash
    for typed in (CODE.lower(), CODE.replace("-", ""), f"  {CODE}\n", CODE.replace("-", " "), CODE.replace("O", "0")):
        assert read_code(typed) == CODE, typed
    assert read_code("") == read_code(" - ") == ""


@pytest.mark.parametrize("typed", [CODE[:-1], f"{CODE}A", CODE.replace("Y", "Z"), "YEAAAQ-EAUDAA-OCAJGL", "ä" * 18])
def test_a_slip_of_the_pen_is_no_other_students_code(typed: str) -> None:
    with pytest.raises(UsageError, match="is no challenge code.*Copy the one that your course gave you"):
        read_code(typed)


def test_the_code_comes_from_the_parameter_or_the_environment() -> None:
    assert code_of_student("", {}) == ""
    assert code_of_student("", {CODE_VARIABLE: CODE.lower()}) == CODE
    assert code_of_student(OTHER, {CODE_VARIABLE: CODE}) == OTHER


def test_images_are_the_same_everywhere_and_others_for_another_code_part_or_chain() -> None:
    images = drawn(CODE, "edge", "a" * 64)
    assert images.shape == (IMAGES, 224, 224, 3) and images.dtype == np.uint8
    seed = hmac.digest(CODE.encode(), f"edge {'a' * 64}".encode(), "sha256")
    tile = list(hashlib.shake_256(seed + b"\0").digest(12))[3:6]  # of the first image, the second of the upper row
    assert images[0, 111, 112].tolist() == images[0, 0, 223].tolist() == tile != images[0, 0, 111].tolist()
    assert [len(np.unique(image.reshape(-1, 3), axis=0)) for image in images[:2]] == [4, 16]
    for other in (drawn(OTHER, "edge", "a" * 64), drawn(CODE, "model", "a" * 64), drawn(CODE, "edge", "b" * 64)):
        assert all((one != two).mean() > 0.5 for one, two in zip(images, other, strict=True))


def test_the_answer_is_of_the_images_of_code_and_chain(run: Run, model: Path) -> None:
    run.step("edge/a", lambda: 1)
    before = run.record().digest
    told = answer(run, "fp32", model, mean_colours, CODE.lower())
    assert CODE in told and "6 images" in told and "tiny.onnx" in told
    step = run.record().latest("challenge/fp32/logits")
    assert step is not None and step.inputs["code"] == CODE and step.inputs["model"]["name"] == "tiny.onnx"
    expected = mean_colours(challenge.preprocess(drawn(CODE, "edge", before)))
    assert step.result["logits"].dtype == np.float32 and np.array_equal(step.result["logits"], expected)


def test_a_run_answers_once_and_keeps_its_code(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(run, "fp32", model, mean_colours, CODE)
    run.step("edge/later", lambda: 1)
    answer(run, "fp32", model, mean_colours)  # again, without typing it
    assert [step.name for step in run.record().steps] == ["challenge/fp32/logits", "edge/later"]
    answer(run, "fp32", model, mean_colours, OTHER)  # the first was a mistake
    answer(run, "fp32", model, mean_colours)
    assert [step.inputs.get("code") for step in run.record().steps if "challenge" in step.name] == [CODE, OTHER]


def test_a_replay_needs_no_code_and_takes_no_other(run: Run, model: Path) -> None:
    answer(run, "fp32", model, mean_colours, CODE)
    replay = open_run("edge", run_id="t", mode="replay")
    assert CODE in answer(replay, "fp32", model, mean_colours)
    with pytest.raises(RecordError, match="challenge/fp32/logits"):
        answer(replay, "fp32", model, mean_colours, OTHER)


def test_without_a_code_the_run_alone_decides_and_the_student_is_told(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CODE_VARIABLE, raising=False)
    before = run.record().digest
    assert "your course may have given you a code" in answer(run, "fp32", model, mean_colours)
    expected = mean_colours(challenge.preprocess(drawn("", "edge", before)))
    assert np.array_equal(run.record().result("challenge/fp32/logits")["logits"], expected)


def test_an_onnx_file_answers_image_by_image(model: Path) -> None:
    images = challenge.preprocess(drawn(CODE, "edge", "c"))
    weights = np.arange(33, dtype=np.float32).reshape(3, 11)
    assert np.allclose(one_by_one(model)(images), images.mean(axis=(2, 3)) @ weights, rtol=1e-4, atol=1e-3)
