"""A kit for a device, small enough to be made in no time."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from snippets.edge import bundle
from tests.snippets.servers import save_toy_onnx


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit as the laptop makes it: a model, once more under another name, and 12 photos of three plain colours."""
    folder = tmp_path_factory.mktemp("kit")
    save_toy_onnx(folder / "fp32.onnx")
    shutil.copyfile(folder / "fp32.onnx", folder / "aggressive.onnx")
    labels = np.arange(12) % 3
    photos = np.zeros((12, 224, 224, 3), dtype=np.uint8)
    for index, label in enumerate(labels):
        photos[index, ..., label] = 255
    np.savez(folder / bundle.PHOTOS_FILE, photos=photos, labels=labels)
    return folder
