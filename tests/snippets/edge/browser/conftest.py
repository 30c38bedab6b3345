"""A toy model and plain photos as what a page is given, and whether this machine has a browser and onnxruntime-web."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from snippets.edge import bundle
from snippets.edge.browser import measuring
from snippets.record.run import Run, open_run
from tests.snippets.servers import save_toy_onnx


@pytest.fixture(scope="session")
def toy_kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit of one toy model under two names and nine photos of three plain colours."""
    folder = tmp_path_factory.mktemp("page") / "kit"
    folder.mkdir()
    save_toy_onnx(folder / "fp32.onnx")
    shutil.copyfile(folder / "fp32.onnx", folder / "conservative.onnx")
    labels = np.arange(9) % 3
    photos = np.zeros((9, 224, 224, 3), dtype=np.uint8)
    for index, label in enumerate(labels):
        photos[index, ..., label] = 200 + index
    np.savez(folder / bundle.PHOTOS_FILE, photos=photos, labels=labels)
    return folder


def opened(folder: Path, kit: Path, mode: str = "resume") -> tuple[Run, measuring.Material]:
    """A run under `folder`, and what its page is given."""
    run = open_run("edge", notebook="4_browser", run_id="t", runs=folder, mode=mode, parameters={"profile": "quick"})
    return run, measuring.gather(run, bundle.gather(run, kit=str(kit)), kit=str(kit))
