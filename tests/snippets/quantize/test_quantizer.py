"""A float32 file becomes int8 in the ways that a candidate says, and what stayed in float32 is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.data.image import preprocess
from snippets.engine.providers import session
from snippets.errors import ModelError
from snippets.quantize import calibration, quantizer
from snippets.quantize.quantizer import Candidate

Photos = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def prepared(float_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quantizer.prepare(float_model, tmp_path_factory.mktemp("prepared") / "prepared.onnx")


@pytest.fixture(scope="module")
def ranges(prepared: Path, photos: Photos) -> dict:
    return calibration.calibrate(prepared, photos[0], batch=4)


def test_a_file_name_is_made_of_letters_and_digits() -> None:
    assert Candidate("all, per tensor (7 bits)").file_name == "all--per-tensor--7-bits.onnx"


@pytest.mark.parametrize("form", ["QDQ", "QOperator"])
def test_a_quantized_file_still_tells_the_colours_apart(
    prepared: Path, ranges: dict, photos: Photos, tmp_path: Path, form: str
) -> None:
    file = quantizer.quantize_statically(prepared, ranges, Candidate("all", format=form), tmp_path / "all.onnx")
    assert session(file, threads=1)(preprocess(photos[0])).argmax(axis=1).tolist() == photos[1].tolist()
    assert quantizer.coverage(prepared, file)["Conv"] == {"total": 2, "float32": 0}


def test_typical_ranges_cut_off_what_only_one_image_reaches(prepared: Path, ranges: dict, tmp_path: Path) -> None:
    from onnx import load, numpy_helper

    halved = {**ranges, "typical_low": ranges["low"] / 2, "typical_high": ranges["high"] / 2}

    def step(candidate: Candidate) -> float:
        file = quantizer.quantize_statically(prepared, halved, candidate, tmp_path / candidate.file_name)
        stored = {tensor.name: tensor for tensor in load(file).graph.initializer}
        return float(numpy_helper.to_array(stored["input_scale"]))

    assert step(Candidate("typical", typical=True)) == pytest.approx(step(Candidate("widest")) / 2)


def test_excluded_layers_stay_in_float32(prepared: Path, ranges: dict, tmp_path: Path) -> None:
    careful = Candidate("careful", operators=("Conv",), exclude=("depthwise",))
    file = quantizer.quantize_statically(prepared, ranges, careful, tmp_path / "careful.onnx")
    found = quantizer.coverage(prepared, file)
    assert found["Conv"] == {"total": 2, "float32": 1} and found["Gemm"] == {"total": 1, "float32": 1}


def test_dynamic_quantization_needs_no_ranges(prepared: Path, photos: Photos, tmp_path: Path) -> None:
    file = quantizer.quantize_dynamically(prepared, tmp_path / "dynamic.onnx")
    assert session(file, threads=1)(preprocess(photos[0])).argmax(axis=1).tolist() == photos[1].tolist()


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("two eggs")
    with pytest.raises(ModelError, match="text.onnx"):
        quantizer.prepare(tmp_path / "text.onnx", tmp_path / "prepared.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["text.onnx"]


def test_calibration_images_take_every_class_in_its_share(photos: Photos) -> None:
    images = quantizer.calibration_images(*photos, 3)
    assert images[:, 0, 0].argmax(axis=1).tolist() == [0, 1, 2]
