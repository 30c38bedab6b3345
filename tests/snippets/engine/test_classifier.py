"""A classifier is loaded with labels that fit its outputs, or not at all."""

from __future__ import annotations

import platform
from pathlib import Path

import onnx
import pytest
from onnx import helper

from snippets.data.food11_classes import CLASSES
from snippets.engine.classifier import load_classifier, onnx_labels
from snippets.errors import ModelError, UsageError
from tests.snippets.engine.page_faults import page_faults
from tests.snippets.servers import save_toy_onnx


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return save_toy_onnx(tmp_path / "toy.onnx")


def test_a_loaded_model_says_what_it_is(toy: Path) -> None:
    model = load_classifier("onnx", str(toy), threads=2)
    assert (model.backend, model.model, model.provider, model.threads) == ("onnx", "toy.onnx", "cpu", 2)
    assert model.labels == CLASSES and model.load_ms > 0


def test_labels_that_do_not_fit_the_outputs_are_refused(toy: Path) -> None:
    with pytest.raises(ModelError, match=r"11 outputs, but 2 classes are named \(egg, soup\)"):
        load_classifier("onnx", str(toy), labels=("egg", "soup"))


def test_an_unknown_backend_and_a_missing_file_are_named() -> None:
    with pytest.raises(UsageError, match="backend 'tensorflow' does not exist"):
        load_classifier("tensorflow")
    with pytest.raises(ModelError, match="gone.onnx: no such ONNX file"):
        load_classifier("onnx", "gone.onnx")


def test_labels_come_from_the_files_own_list_else_are_food_11s(toy: Path) -> None:
    model = onnx.load(toy)
    helper.set_model_props(model, {"labels": '["a", "b"]'})
    onnx.save(model, toy)
    assert onnx_labels(toy) == ("a", "b")
    helper.set_model_props(model, {})
    onnx.save(model, toy)
    assert onnx_labels(toy) == CLASSES
    helper.set_model_props(model, {"labels": "a and b"})
    onnx.save(model, toy)
    with pytest.raises(ModelError, match="not a JSON list"):
        onnx_labels(toy)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to")
def test_a_process_that_serves_pytorch_keeps_the_memory_that_it_frees() -> None:
    before, after = page_faults(
        "from snippets.engine.classifier import load_classifier", 'load_classifier("pytorch", threads=1)'
    )
    assert after < before / 4
