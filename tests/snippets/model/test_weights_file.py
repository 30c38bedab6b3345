"""Weights of every kind load; what does not fit, cannot be read or could run code is one clear error."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from snippets.data.datasets import dataset
from snippets.errors import ModelError
from snippets.model.mobilenet import mobilenet_v2
from snippets.model.train import share_right
from snippets.model.weights_file import SHIPPED, check_classes, is_onnx, load_model, save_weights

# Writes a MobileNetV2 as torchvision's torch.save(model) does: whole, under torchvision's class names.
TORCHVISION = """
import sys, types, torch
from snippets.model import mobilenet
for name in ("torchvision", "torchvision.models", "torchvision.models.mobilenetv2", "torchvision.ops",
             "torchvision.ops.misc"):
    sys.modules[name] = types.ModuleType(name)
def moved(original, module, name):
    made = type(name, (original,), {"__module__": module, "__qualname__": name})
    setattr(sys.modules[module], name, made)
    return made
tree = mobilenet.mobilenet_v2(5, 0.35)
for layer in tree.modules():
    if isinstance(layer, mobilenet.InvertedResidual):
        layer.__class__ = block = getattr(sys.modules["torchvision.models.mobilenetv2"], "InvertedResidual", None) \\
            or moved(mobilenet.InvertedResidual, "torchvision.models.mobilenetv2", "InvertedResidual")
    elif type(layer) is torch.nn.Sequential and len(layer) == 3 and isinstance(layer[2], torch.nn.ReLU6):
        layer.__class__ = getattr(sys.modules["torchvision.ops.misc"], "Conv2dNormActivation", None) \\
            or moved(torch.nn.Sequential, "torchvision.ops.misc", "Conv2dNormActivation")
tree.__class__ = moved(mobilenet.MobileNetV2, "torchvision.models.mobilenetv2", "MobileNetV2")
torch.save(tree, sys.argv[1])
torch.save(tree.state_dict(), sys.argv[2])
"""


class Malicious:
    """On unpickling by the plain unpickler, creates a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


@pytest.fixture(scope="module")
def small() -> torch.nn.Module:
    torch.manual_seed(5)
    return mobilenet_v2(5, 0.35).eval()


def same_answer(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return torch.equal(one(x), other(x))


def test_the_shipped_weights_load_with_their_labels():
    model, labels = load_model("rehearsal")
    assert not model.training
    assert len(labels) == 11 and labels[0] == "Bread" and labels[10] == "Vegetable-Fruit"
    assert 8_000_000 < SHIPPED.stat().st_size < 10_000_000


def test_the_shipped_weights_name_nine_of_ten_evaluation_pictures_rightly():
    rehearsal = dataset("rehearsal")
    model, _ = load_model("rehearsal", rehearsal.classes)
    assert 0.88 <= share_right(model, rehearsal.split("evaluation")) <= 0.93


def test_safetensors_keep_weights_labels_and_width(tmp_path, small):
    names = ("a", "b", "c", "d", "e")
    path = save_weights(small, tmp_path / "own.safetensors", names)
    model, labels = load_model(path, names)
    assert labels == names and same_answer(model, small)


def test_safetensors_without_labels_take_the_datas(tmp_path, small):
    from safetensors.torch import save_file

    save_file(small.state_dict(), tmp_path / "bare.safetensors")
    assert load_model(tmp_path / "bare.safetensors")[1] == tuple(f"class {n}" for n in range(5))
    assert load_model(tmp_path / "bare.safetensors", list("vwxyz"))[1] == tuple("vwxyz")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"model": {f"net.{name}": tensor for name, tensor in state.items()}, "lr": 0.1},
        lambda state: {name: t.half() if t.is_floating_point() else t for name, t in state.items()},
    ],
    ids=["plain", "checkpoint", "data parallel", "wrapped", "half precision"],
)
def test_a_state_dict_loads_however_it_was_wrapped(tmp_path, small, wrap):
    torch.save(wrap(small.state_dict()), tmp_path / "course.pth")
    model, labels = load_model(tmp_path / "course.pth", list("abcde"))
    assert labels == tuple("abcde") and next(model.parameters()).dtype == torch.float32
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        np.testing.assert_allclose(model(x), small(x), atol=2e-2)


@pytest.mark.parametrize("name", ["best.ckpt", "model_best.pth.tar", "pytorch_model.bin", "FOOD.PTH"])
def test_a_checkpoint_loads_whatever_it_is_called(tmp_path, small, name):
    """As Lightning, ImageNet's example and the model hub call theirs."""
    wrapped = {f"model.{key}": value for key, value in small.state_dict().items()}
    torch.save({"state_dict": wrapped, "epoch": 9, "optimizer": {"lr": 0.1}}, tmp_path / name)
    assert same_answer(load_model(tmp_path / name)[0], small)


def test_the_old_format_of_torch_save_loads(tmp_path, small):
    torch.save(small.state_dict(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert same_answer(load_model(tmp_path / "old.pt")[0], small)


def test_a_whole_pickled_torchvision_model_loads_without_torchvision(tmp_path):
    whole, state = tmp_path / "whole.pth", tmp_path / "state.pth"
    subprocess.run([sys.executable, "-c", TORCHVISION, str(whole), str(state)], check=True)
    assert b"torchvision.models.mobilenetv2" in whole.read_bytes() and "torchvision" not in sys.modules
    assert same_answer(load_model(whole, list("abcde"))[0], load_model(state)[0])


@pytest.mark.parametrize("save", ["torch", "legacy torch", "pickle"])
def test_a_malicious_pickle_is_refused_and_never_executed(tmp_path, save):
    canary, path = tmp_path / "canary", tmp_path / "evil.pth"
    content = {"features.0.0.weight": Malicious(canary)}
    if save == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=save == "torch")
    with pytest.raises(ModelError, match="nothing in it was run"):
        load_model(path)
    assert not canary.exists()
    if save == "pickle":  # the trap is real: the plain unpickler would have sprung it
        pickle.loads(path.read_bytes())
        assert canary.exists()


def test_another_class_than_mobilenets_is_refused(tmp_path):
    torch.save(torch.nn.LSTM(2, 2), tmp_path / "lstm.pth")
    with pytest.raises(ModelError, match="nothing in it was run"):
        load_model(tmp_path / "lstm.pth")


@pytest.mark.parametrize("name", ["broken.pth", "broken.pt", "broken.safetensors"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 100, b"PK\x03\x04" + b"\0" * 60])
def test_an_unreadable_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        load_model(tmp_path / name)


def test_a_reason_that_is_only_a_number_is_not_told(tmp_path):
    (tmp_path / "text.pth").write_text("junk\n")  # unpickling it ends in a KeyError of a number
    with pytest.raises(ModelError, match=r"not a readable torch file \(KeyError\)"):
        load_model(tmp_path / "text.pth")


def test_a_truncated_file_is_named(tmp_path, small):
    path = save_weights(small, tmp_path / "cut.safetensors", list("abcde"))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ModelError, match="cut"):
        load_model(path)


def test_a_missing_file_an_unknown_kind_and_onnx_each_say_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="weights=rehearsal"):
        load_model(tmp_path / "none.pth")
    (tmp_path / "model.h5").touch()
    with pytest.raises(ModelError, match=r"unknown kind of weights '\.h5'"):
        load_model(tmp_path / "model.h5")
    (tmp_path / "model.onnx").touch()
    with pytest.raises(ModelError, match="ONNX file"):
        load_model(tmp_path / "model.onnx")
    assert is_onnx("a/B.ONNX") and not is_onnx("a/onnx.pth")


def test_another_class_count_is_an_error_naming_both(tmp_path, small):
    torch.save(small.state_dict(), tmp_path / "five.pth")
    with pytest.raises(ModelError, match=r"tells 5 classes apart but the data has 3 \(x, y, z\)"):
        load_model(tmp_path / "five.pth", ["x", "y", "z"])


def test_the_same_number_of_other_classes_is_an_error_naming_both(tmp_path, small):
    path = save_weights(small, tmp_path / "five.safetensors", list("abcde"))
    with pytest.raises(
        ModelError, match=r"other classes \(a, b, c, d, \.\.\.\) than the data's \(e, d, c, b, \.\.\.\)"
    ):
        load_model(path, list("edcba"))
    check_classes("model.onnx", None, 5, list("edcba"))


def test_labels_that_do_not_fit_their_own_weights_are_an_error(tmp_path, small):
    path = save_weights(small, tmp_path / "odd.safetensors", ["only", "two"])
    with pytest.raises(ModelError, match="names 2 labels but has 5 outputs"):
        load_model(path)


def test_something_else_than_a_mobilenet_is_an_error(tmp_path, small):
    torch.save({"layer.weight": torch.zeros(3, 3)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="does not hold a MobileNetV2"):
        load_model(tmp_path / "other.pth")
    torch.save([1, 2, 3], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="holds a list"):
        load_model(tmp_path / "list.pth")
    state = dict(small.state_dict())
    del state["features.3.conv.0.0.weight"]
    torch.save(state, tmp_path / "hole.pth")
    with pytest.raises(ModelError, match="does not fit a MobileNetV2"):
        load_model(tmp_path / "hole.pth")
    state = small.state_dict() | {"features.0.0.weight": torch.zeros(17, 3, 3, 3)}
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match="no width multiplier"):
        load_model(tmp_path / "odd.pth")


@pytest.mark.parametrize("width", [0.35, 0.5, 0.75, 1.4])
def test_the_width_is_read_from_the_weights(tmp_path, width):
    torch.save(mobilenet_v2(7, width).state_dict(), tmp_path / "w.pth")
    model, labels = load_model(tmp_path / "w.pth")
    assert len(labels) == 7
    assert model.get_parameter("features.0.0.weight").shape[0] == {0.35: 16, 0.5: 16, 0.75: 24, 1.4: 48}[width]


def test_saving_is_whole_or_not_at_all(tmp_path, small, monkeypatch):
    path = save_weights(small, tmp_path / "kept.safetensors", list("abcde"))
    before = path.read_bytes()
    monkeypatch.setattr("safetensors.torch.save_file", lambda *_, **__: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save_weights(small, path, list("abcde"))
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["kept.safetensors"]
