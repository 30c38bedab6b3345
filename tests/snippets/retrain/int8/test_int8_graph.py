"""The network that is trained answers as the int8 file does, before training and after; and the file runs in int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import load, numpy_helper

from snippets.data.image import preprocess
from snippets.engine.graph import histogram, read_model
from snippets.engine.providers import session
from snippets.errors import ModelError
from snippets.retrain.int8.int8_graph import Int8Graph
from tests.snippets.retrain.conftest import Small

Photos = tuple[np.ndarray, np.ndarray]


def stored(path: Path) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in load(path).graph.initializer}


@pytest.mark.parametrize("kind", ["per_tensor", "per_channel"])
def test_without_training_the_file_is_onnx_runtimes_own_integer_by_integer(
    small: Small, tmp_path: Path, kind: str
) -> None:
    static = getattr(small, kind)
    before, after = stored(static), stored(Int8Graph(static, small.prepared).write(tmp_path / "same.onnx"))
    assert before.keys() == after.keys() and sum(array.dtype == np.int8 for array in before.values()) >= 8
    for name, array in before.items():
        assert after[name].dtype == array.dtype and after[name].shape == array.shape, name
        # Half a step of a bias is a rounding of its scale; a weight's step is coarse.
        assert np.abs(after[name].astype(float) - array).max() <= (1 if array.dtype == np.int32 else 1e-6), name


@pytest.mark.parametrize("kind", ["per_tensor", "per_channel"])
def test_the_network_answers_as_the_file_does_also_after_its_weights_moved(
    small: Small, photos: Photos, tmp_path: Path, kind: str
) -> None:
    network = Int8Graph(getattr(small, kind), small.prepared)
    images = preprocess(photos[0])
    torch.manual_seed(0)
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(1 + 0.2 * torch.randn(value.shape))
        ours = network(torch.from_numpy(images)).numpy()
    file = network.write(tmp_path / "moved.onnx")
    theirs = session(file, threads=1)(images)
    # A value between two steps may be rounded either way: a step of the logits, now and then.
    step = float(stored(file)["logits_scale"])
    assert np.abs(ours - theirs).max() <= 2 * step + 1e-6
    assert np.mean(np.abs(ours - theirs) < step / 2) > 0.8
    static = session(getattr(small, kind), threads=1)(images)
    assert np.abs(theirs - static).max() > 4 * step


def test_the_file_runs_in_integers_and_holds_the_same_operations_as_the_static_one(
    small: Small, tmp_path: Path
) -> None:
    counts = []
    for file in (small.per_tensor, Int8Graph(small.per_tensor, small.prepared).write(tmp_path / "qat.onnx")):
        session(file, threads=1, optimized=tmp_path / "optimized.onnx")
        counts.append(histogram(read_model(tmp_path / "optimized.onnx")))
    assert counts[0] == counts[1] and counts[1]["QLinearConv"] == 3
    assert not {"Conv", "FusedConv", "Conv (NCHWc)"} & counts[1].keys()


def test_the_shipped_network_in_int8_runs_in_integers_and_answers_as_it_was_trained(tmp_path: Path) -> None:
    """MobileNetV2 at a quarter of its width, from torch to the file; its answers on pictures of the kit."""
    from snippets.data import dataset
    from snippets.engine import export
    from snippets.model.mobilenet import mobilenet_v2
    from snippets.quantize import calibration, quantizer

    torch.manual_seed(0)
    model = mobilenet_v2(5, width=0.25).eval()
    images = dataset("rehearsal").split("validation").images[:8]
    prepared = quantizer.prepare(export.export_onnx(model, tmp_path / "fp32.onnx"), tmp_path / "prepared.onnx")
    ranges = calibration.calibrate(prepared, images)
    candidate = quantizer.Candidate("x", per_channel=False)
    network = Int8Graph(quantizer.quantize_statically(prepared, ranges, candidate, tmp_path / "s.onnx"), prepared)
    with torch.no_grad():
        for value in network.shares:
            value.mul_(1 + 0.1 * torch.randn(value.shape))
        ours = network(torch.from_numpy(preprocess(images))).numpy()
    file = network.write(tmp_path / "qat.onnx")
    theirs = session(file, threads=1, optimized=tmp_path / "optimized.onnx")(preprocess(images))
    assert histogram(read_model(tmp_path / "optimized.onnx"))["QLinearConv"] == 52
    assert np.abs(ours - theirs).max() <= 0.05 * np.abs(ours).max()


def test_gradients_reach_every_weight_and_bias(small: Small, photos: Photos) -> None:
    network = Int8Graph(small.per_tensor, small.prepared)
    network(torch.from_numpy(preprocess(photos[0]))).square().sum().backward()
    assert len(network.shares) == 4 and len(network.biases) == 4
    for value in network.parameters():
        assert value.grad is not None and value.grad.abs().sum() > 0


def test_fewer_bits_are_kept_in_the_same_bytes(small: Small, tmp_path: Path) -> None:
    file = Int8Graph(small.per_channel, small.prepared, top=7).write(tmp_path / "four.onnx")
    integers = [array for name, array in stored(file).items() if array.dtype == np.int8 and array.ndim == 4]
    assert len(integers) == 3 and all(np.abs(array).max() == 7 for array in integers)


def test_a_bias_too_large_for_its_channels_fine_steps_still_fits(small: Small, photos: Photos, tmp_path: Path) -> None:
    network = Int8Graph(small.per_channel, small.prepared)
    first = next(one for one in network.biases_of if network.weights_of[one.weight].integers.startswith("stem"))
    with torch.no_grad():
        network.shares[first.weight][0] *= 1e-9
        network.biases[network.biases_of.index(first)][0] = 5.0
        ours = network(torch.from_numpy(preprocess(photos[0]))).numpy()
    file = network.write(tmp_path / "large.onnx")
    assert np.abs(session(file, threads=1)(preprocess(photos[0])) - ours).max() <= 2 * stored(file)["logits_scale"]


def test_a_file_that_was_not_made_from_the_float32_one_is_refused(small: Small) -> None:
    with pytest.raises(ModelError, match="no weight of the float32 file"):
        Int8Graph(small.per_tensor, small.per_tensor)
