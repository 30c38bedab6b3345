"""Spoiled model files: each goes wrong in the way that it is called after, and the good file stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from snippets.teams import spoiled


def logits(path: Path) -> list[float]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (row,) = session.run(["logits"], {"input": np.ones((1, 3, 224, 224), dtype=np.float32)})[0]
    return row.tolist()


@pytest.mark.parametrize(("kind", "answers"), [(spoiled.REORDERED, [3, 2, 1]), (spoiled.SHORT, [1, 2])])
def test_a_network_with_other_classes_answers_at_once_and_wrongly(
    network: Path, tmp_path: Path, kind: str, answers: list[float]
) -> None:
    assert logits(spoiled.spoil(kind, network, tmp_path / "new" / "bad.onnx")) == pytest.approx(answers)
    assert logits(network) == pytest.approx([1, 2, 3])


def test_half_a_file_cannot_be_read(network: Path, tmp_path: Path) -> None:
    path = spoiled.spoil(spoiled.BROKEN_OFF, network, tmp_path / "bad.onnx")
    assert path.stat().st_size == network.stat().st_size // 2
    with pytest.raises(Exception, match="INVALID_PROTOBUF|Protobuf parsing failed"):
        logits(path)


def test_another_kind_is_refused(network: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'rusty' is none of upload broken off, "):
        spoiled.spoil("rusty", network, tmp_path / "bad.onnx")
