"""A kit brings models and photos to the device, from a folder or from Part 1, or says what is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from snippets.edge import bundle, device
from snippets.errors import DataError, ModelError, RecordError
from snippets.record.run import open_run


def test_models_of_part_1_are_taken_when_there_is_no_kit(kit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part_1 = open_run("model", run_id="quick")
    shutil.copyfile(kit / "fp32.onnx", part_1.models / "fp32.onnx")
    part_1.step("export/fp32/size", lambda: {"bytes": 1}, inputs={})
    with np.load(kit / bundle.PHOTOS_FILE) as held:
        photos = held["photos"], held["labels"]
    monkeypatch.setattr(bundle, "read_photos", lambda *_: photos)
    files = bundle.gather(open_run("edge", run_id="t"))
    assert files.models["fp32"].read_bytes() == (kit / "fp32.onnx").read_bytes()
    assert "servelab run model" in files.absent["dynamic"]


def test_missing_pieces_are_named_with_their_remedy(kit: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="python -m snippets.edge.bundle"):
        bundle.gather(open_run("edge", run_id="a"), kit=str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="no fp32.onnx"):
        bundle.gather(open_run("edge", run_id="b"), kit=str(tmp_path / "empty"))
    shutil.copyfile(kit / "fp32.onnx", tmp_path / "empty" / "fp32.onnx")
    with pytest.raises(DataError, match="Make the kit again"):
        bundle.gather(open_run("edge", run_id="c"), kit=str(tmp_path / "empty"))
    with pytest.raises(RecordError, match="1_latency"):
        device.by_threads(open_run("edge", run_id="d").record(), "fp32")


def test_photos_are_spread_over_the_whole_split(kit: Path) -> None:
    photos, labels = bundle.read_photos(str(kit), "", 3)
    assert photos.shape == (3, 224, 224, 3) and list(labels) == [0, 0, 2]
    assert len(bundle.read_photos(str(kit), "", 999)[1]) == 12
