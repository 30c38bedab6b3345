"""8-bit arithmetic by hand is ONNX Runtime's, to the last bit; and where it is not, that is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snippets.quantize import by_hand, int8
from snippets.record.run import open_run


@pytest.fixture
def layer() -> dict[str, np.ndarray]:
    chance = np.random.default_rng(1)
    reads = chance.gamma(1.0, 1.0, (2, 64)).astype(np.float32)
    return {"reads": reads, "weights": chance.normal(0, 0.1, (64, 5)).astype(np.float32)}


@pytest.mark.parametrize("per_channel", [False, True])
def test_every_integer_is_onnx_runtimes(layer: dict[str, np.ndarray], per_channel: bool) -> None:
    found = by_hand.product(layer, by_hand.KIT, per_channel=per_channel)
    assert found.same == {"inputs": (128, 128), "weights": (320, 320), "sums": (10, 10)}
    assert 0 < found.error < 0.05


def test_a_wrong_product_is_counted_and_told(layer: dict[str, np.ndarray]) -> None:
    off = replace(by_hand.KIT, matmul=lambda *a: (np.array(by_hand.int8_matmul(*a)) + [[1, 0, 0, 0, 0]]).tolist())
    found = by_hand.product(layer, off, per_channel=True)
    assert found.same["sums"] == (8, 10)
    assert by_hand.told(found).startswith(
        "a scale a channel: 128 of 128 inputs, 320 of 320 weights, 8 of 10 sums are ONNX Runtime's, bit by bit; off by "
    )


def test_a_scale_for_each_channel_spares_the_small_ones(layer: dict[str, np.ndarray]) -> None:
    layer["weights"][:, 0] *= 100
    errors = {}
    for per_channel in (False, True):
        bits = by_hand.product({**layer}, by_hand.KIT, per_channel=per_channel)
        errors[per_channel] = bits.error
    assert errors[True] <= errors[False]


def test_the_layer_is_the_last_that_is_one_product(float_model: Path, photos: tuple[np.ndarray, np.ndarray]) -> None:
    from snippets.data.image import preprocess

    run = open_run("model", run_id="t")
    ready = int8.prepared(run, float_model)
    picture = preprocess(photos[0][:1])
    found = by_hand.layer_of(run, ready, picture)
    rows, inputs = found["reads"].shape
    assert rows == 1 and found["weights"].shape[0] == inputs and found["weights"].shape[1] <= by_hand.COLUMNS
    logits = _logits(ready, picture)
    bias = logits - found["reads"] @ found["weights"]
    again = preprocess(photos[0][3:4])
    other = by_hand.layer_of(open_run("model", run_id="other"), ready, again)
    np.testing.assert_allclose(_logits(ready, again) - other["reads"] @ other["weights"], bias, atol=1e-4)
    assert by_hand.layer_of(run, ready, picture)["reads"].tolist() == found["reads"].tolist()


def _logits(file: Path, picture: np.ndarray) -> np.ndarray:
    import onnxruntime as ort

    session = ort.InferenceSession(file, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: picture})[0])


def test_a_network_without_such_a_layer_is_told() -> None:
    empty = {"reads": np.zeros((0, 0), np.float32), "weights": np.zeros((0, 0), np.float32)}
    with pytest.raises(ValueError, match="no layer that is one product"):
        by_hand.product(empty, by_hand.KIT, per_channel=False)


def test_ranges_hold_zero_and_steps_are_cut_off() -> None:
    assert by_hand.scale_and_zero_point(1.0, 5.1) == pytest.approx([0.02, 0])
    assert by_hand.scale_and_zero_point(-1.0, 1.55) == pytest.approx([0.01, 100])
    assert by_hand.scale_and_zero_point(0.0, 0.0) == [1.0, 0]
    assert by_hand.quantize([0.5, 1.5, -0.5, 999, -999], 1.0, 10, 0, 255) == [10, 12, 10, 255, 0]
    assert by_hand.int8_matmul([[3, 5, 2]], [[1, 0], [0, 1], [2, 2]], 2, [0, 1]) == [[1, -1]]


def test_parts_go_back_by_error_for_each_byte() -> None:
    errors, sizes = [0.3, 0.1, 0.2], [300, 50, 400]
    found = [by_hand.float_layers(errors, sizes, allowed) for allowed in (0.7, 0.55, 0.25, 0.0)]
    assert found == [[], [1], [1, 0], [1, 0, 2]]
    assert by_hand.float_layers([0.2, 0.2], [10, 10], 0.3) == [0]
