"""Weights are loaded when something needs them, once, and a missing file is named at once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from snippets.engine import source as source_module
from snippets.engine.source import Source
from snippets.errors import ModelError

FOOD: Any = SimpleNamespace(classes=("egg", "soup"))


def test_a_module_is_loaded_once_and_only_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[tuple] = []

    def load(path: Path, classes: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        loads.append((path, classes))
        return "module", classes

    monkeypatch.setattr(source_module, "load_model", load)
    (tmp_path / "own.pth").touch()
    source = Source(str(tmp_path / "own.pth"), FOOD)
    twice = source.lazily(lambda module: [module, module])
    assert source.loaded is None and not loads
    assert twice() is twice() and twice() == ["module", "module"]
    assert source.loaded == "module" and loads == [(tmp_path / "own.pth", ("egg", "soup"))]


def test_weights_that_are_onnx_have_no_module_to_measure(tmp_path: Path) -> None:
    (tmp_path / "own.onnx").touch()
    assert "ONNX file" in Source(str(tmp_path / "own.onnx"), FOOD).torch_absence
    assert Source("rehearsal", FOOD).path.name == "mobilenetv2_rehearsal.safetensors"


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ModelError, match="no weights file gone.pth"):
        Source("gone.pth", FOOD)
