"""Accidents of downloading are named for what they are, whatever the file is called."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

from snippets.engine.export import adopt_onnx
from snippets.errors import ModelError
from snippets.model.weights_file import load_model

ACCIDENTS = {
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:ab12\nsize 9000000\n",
    "a web page": b"\n<!DOCTYPE html>\n<html><head><title>food.pth</title></head></html>",
    "empty": b"",
    "a server's error message": b'{"message": "Not Found", "error": 404}',
}


@pytest.mark.parametrize("words", ACCIDENTS)
@pytest.mark.parametrize("name", ["food.pth", "food.ckpt", "food.safetensors", "food.onnx"])
def test_an_accident_is_named(name: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(ACCIDENTS[words])
    with pytest.raises(ModelError, match=f"{name} is {words}"):
        adopt_onnx(path, tmp_path / "fp32.onnx") if name.endswith(".onnx") else load_model(path)


def test_torchscript_is_a_program_and_both_remedies_are_named(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), tmp_path / "food.pt")
    with pytest.raises(ModelError, match=r"TorchScript: a program.*torch.save\(model.state_dict.*torch.onnx.export"):
        load_model(tmp_path / "food.pt")
