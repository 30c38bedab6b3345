"""Weights are loaded when something needs them, once, and a missing file is named at once."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from snippets.engine import compiling
from snippets.engine import source as source_module
from snippets.engine.plan import plan_of
from snippets.engine.source import Source
from snippets.engine.variants import Bench
from snippets.errors import ModelError, ToolMissing
from snippets.record.run import open_run

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


def bench_of(run: Any) -> Any:
    """A bench as far as compiling needs one: it compiles at most, and measures nothing."""
    split = SimpleNamespace(images=np.zeros((8, 224, 224, 3), np.uint8), labels=np.zeros(8, np.int64))
    return Bench(run, split, plan_of("quick", 1))  # type: ignore[arg-type]


class Failing:
    """A compiler that torch.compile finds and that then fails, as with CXX=/bin/false."""

    def compile(self, batch: np.ndarray) -> float:
        raise ToolMissing("torch.compile failed on this machine (exit status 1)")


def test_code_that_does_not_compile_is_a_sentence_and_the_part_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "compiler_absence", lambda: "")
    run = open_run("model", run_id="t")
    costs, reason = Source("rehearsal", FOOD).compile_each(bench_of(run), "baseline/compiled", Failing, (1,))  # type: ignore[arg-type]
    assert not costs and "failed on this machine" in reason
    assert run.record().result("baseline/compiled/absent")["reason"] == reason


def test_a_replay_believes_the_record_where_there_is_a_compiler_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "compiler_absence", lambda: "there is no Python.h")
    source = Source("rehearsal", FOOD)
    source.compile_each(bench_of(open_run("model", run_id="t")), "baseline/compiled", Failing, (1,))  # type: ignore[arg-type]
    monkeypatch.setattr(compiling, "compiler_absence", lambda: "")
    replayed = bench_of(open_run("model", run_id="t", mode="replay"))
    assert source.compile_each(replayed, "baseline/compiled", Failing, (1,)) == ({}, "there is no Python.h")  # type: ignore[arg-type]
