"""Folders of every layout become three splits, decoded once; what is missing or damaged is named."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from snippets.data import datasets
from snippets.data.datasets import dataset
from snippets.errors import DataError, StorageError
from snippets.files import building

SPLITS = ("training", "validation", "evaluation")


def paint(path: Path, shade: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (300, 260), (shade % 256, 80, 120)).save(path)


@pytest.fixture()
def classic(tmp_path: Path) -> Path:
    """Food-11's layout with class folders: three classes, four pictures in each split."""
    for s, split in enumerate(SPLITS):
        for c, name in enumerate(("bun", "pie", "stew")):
            for n in range(4):
                paint(tmp_path / "data" / split / name / f"{n}.png", 90 * c + 20 * s + n)
    return tmp_path / "data"


@pytest.fixture()
def photos(tmp_path: Path) -> Path:
    """A plain ImageFolder: two classes of twenty pictures, some nested, beside other files."""
    for c, name in enumerate(("cat", "dog")):
        for n in range(20):
            paint(tmp_path / "photos" / name / ("deep" if n % 5 == 0 else "") / f"{name}{n}.JPG", 100 * c + n)
    (tmp_path / "photos" / "README.txt").write_text("mine")
    (tmp_path / "photos" / "cat" / "Thumbs.db").write_text("x")
    (tmp_path / "photos" / ".hidden").mkdir()
    return tmp_path / "photos"


def test_food11s_layout_is_read_as_it_is(classic, tmp_path):
    found = dataset(classic, tmp_path / "cache")
    assert found.classes == ("bun", "pie", "stew")
    split = found.split("evaluation")
    assert split.images.shape == (12, 224, 224, 3) and split.images.dtype == np.uint8
    assert split.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4 and split.labels.dtype == np.int64
    assert split.files[5] == "evaluation/pie/1.png" and split.skipped == ()
    assert split.images[5, 100, 100].tolist() == [131, 80, 120]
    with pytest.raises(ValueError, match="read-only"):
        split.images[0] = 0


def test_flat_names_become_classes(tmp_path):
    for split in SPLITS:
        for label in (0, 3, 10):
            for n in range(2):
                paint(tmp_path / "flat" / split / f"{label}_{n}.jpg", label)
    found = dataset(tmp_path / "flat", tmp_path / "cache")
    assert found.classes == ("Bread", "Egg", "Vegetable-Fruit")
    assert found.split("train").labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_an_image_folder_is_split_by_name_the_same_way_each_time(photos, tmp_path):
    found = dataset(photos, tmp_path / "cache")
    files = {split: set(found.split(split).files) for split in SPLITS}
    assert {split: len(names) for split, names in files.items()} == {"training": 24, "validation": 8, "evaluation": 8}
    assert len(set.union(*files.values())) == 40
    copy = tmp_path / "elsewhere"
    shutil.copytree(photos, copy)
    again = dataset(copy, tmp_path / "cache2")
    assert {split: set(again.split(split).files) for split in SPLITS} == files
    assert again.fingerprint == found.fingerprint


def test_a_missing_split_is_carved_from_training(classic, tmp_path):
    shutil.rmtree(classic / "validation")
    (classic / "evaluation").rename(classic / "test")
    (classic / "training").rename(classic / "Train")
    found = dataset(classic, tmp_path / "cache")
    assert [len(found.split(split).labels) for split in SPLITS] == [9, 3, 12]


def test_short_names_of_splits_work_and_others_are_named(classic, tmp_path):
    found = dataset(classic, tmp_path / "cache")
    assert found.split("train").files == found.split("training").files
    with pytest.raises(DataError, match="no split 'trial'.*training, validation, evaluation"):
        found.split("trial")


def test_pictures_are_decoded_once(classic, tmp_path, monkeypatch):
    first = dataset(classic, tmp_path / "cache").split("evaluation")
    monkeypatch.setattr(datasets, "decode", lambda *_: pytest.fail("decoded again"))
    again = dataset(classic, tmp_path / "cache").split("evaluation")
    assert (again.images == first.images).all() and again.files == first.files


@pytest.mark.parametrize("change", ["content", "added", "removed", "renamed"])
def test_a_changed_folder_is_noticed_and_the_old_cache_dropped(classic, tmp_path, change):
    before = dataset(classic, tmp_path / "cache")
    before.split("evaluation")
    victim, mark = classic / "evaluation" / "pie" / "2.png", before.fingerprint
    if change == "content":
        times = victim.stat()
        paint(victim, 250)
        os.utime(victim, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    elif change == "added":
        paint(victim.with_name("9.png"), 250)
    elif change == "removed":
        victim.unlink()
    else:
        victim.rename(victim.with_name("zz.png"))
    after = dataset(classic, tmp_path / "cache")
    split = after.split("evaluation")
    assert len(split.files) == {"added": 13, "removed": 11}.get(change, 12)
    assert after.fingerprint != mark
    if change == "content":
        assert split.images[6, 0, 0, 0] == 250
    assert len(list((tmp_path / "cache" / "decoded").iterdir())) == 1


def test_a_touched_but_unchanged_folder_keeps_its_fingerprint(classic, tmp_path):
    before = dataset(classic, tmp_path / "cache").fingerprint
    os.utime(classic / "training" / "bun" / "0.png")
    assert dataset(classic, tmp_path / "cache").fingerprint == before


def test_corrupt_pictures_are_named_counted_and_skipped(classic, tmp_path, capsys):
    (classic / "evaluation" / "bun" / "1.png").write_bytes(b"nonsense")
    (classic / "evaluation" / "pie" / "0.png").write_bytes((classic / "evaluation/pie/0.png").read_bytes()[:200])
    (classic / "evaluation" / "pie" / "3.png").write_bytes(b"")
    split = dataset(classic, tmp_path / "cache").split("evaluation")
    assert len(split.files) == len(split.images) == 9 and split.labels.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]
    assert [entry.split(":")[0] for entry in split.skipped] == [
        "evaluation/bun/1.png",
        "evaluation/pie/0.png",
        "evaluation/pie/3.png",
    ]
    assert "skipped 3 of 12 pictures: evaluation/bun/1.png: not a readable picture" in capsys.readouterr().err
    assert split.images[3, 0, 0, 0] == 131  # pie's picture 1 follows bun's three


def test_a_class_whose_pictures_are_all_corrupt_is_an_error(classic, tmp_path):
    for n in range(4):
        (classic / "evaluation" / "stew" / f"{n}.png").write_bytes(b"nonsense")
    with pytest.raises(DataError, match="'stew' has no readable picture in the evaluation split"):
        dataset(classic, tmp_path / "cache").split("evaluation")


def test_no_folder_no_pictures_one_class_each_say_what_to_do(tmp_path):
    with pytest.raises(DataError, match="No data folder at .*nowhere.*data=rehearsal"):
        dataset(tmp_path / "nowhere", tmp_path / "cache")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="No pictures in .*one folder of pictures per class"):
        dataset(tmp_path / "empty", tmp_path / "cache")
    for n in range(9):
        paint(tmp_path / "one" / "only" / f"{n}.png", n)
    with pytest.raises(DataError, match=r"one class only \('only'\)"):
        dataset(tmp_path / "one", tmp_path / "cache")


def test_an_empty_class_is_named(classic, photos, tmp_path):
    (classic / "validation" / "tart").mkdir()
    with pytest.raises(DataError, match="Class 'tart' has no pictures in the training split"):
        dataset(classic, tmp_path / "cache")
    (photos / "bird").mkdir()
    with pytest.raises(DataError, match="Class 'bird' has no pictures"):
        dataset(photos, tmp_path / "cache")


def test_a_class_too_small_to_split_is_named(photos, tmp_path):
    paint(photos / "bird" / "1.png", 3)
    with pytest.raises(DataError, match=r"'bird' in .* has 1 picture.*Add at least 2 more"):
        dataset(photos, tmp_path / "cache")


def test_splits_without_training_are_an_error(classic, tmp_path):
    shutil.rmtree(classic / "training")
    with pytest.raises(DataError, match="validation, evaluation but no training"):
        dataset(classic, tmp_path / "cache")


def test_a_full_disk_is_a_storage_error_and_leaves_nothing(tmp_path):
    with pytest.raises(StorageError, match="disk is full.*SERVELAB_CACHE"), building(tmp_path / "made") as partial:
        (partial / "half").touch()
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_is_a_file_is_a_storage_error(classic, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(StorageError, match="may write with SERVELAB_CACHE"):
        dataset(classic, tmp_path / "cache").split("evaluation")


def test_a_killed_build_leaves_no_half_and_is_cleared_by_the_next(tmp_path):
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom snippets.files import building\n"
        "with building(Path(sys.argv[1])) as partial:\n"
        "    (partial / 'half').touch(); print('begun', flush=True); time.sleep(60)\n"
    )
    target = tmp_path / "made"
    builder = subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE, text=True)
    assert builder.stdout.readline() == "begun\n"
    builder.send_signal(signal.SIGKILL)
    builder.wait()
    builder.stdout.close()
    assert not target.exists() and len(list(tmp_path.iterdir())) == 1
    with building(target) as partial:
        (partial / "whole").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert [path.name for path in target.iterdir()] == ["whole"]


def test_of_two_builders_at_once_the_first_wins(tmp_path):
    target = tmp_path / "made"
    with building(target) as partial:
        (partial / "mine").touch()
        target.mkdir()
        (target / "theirs").touch()
    assert [path.name for path in target.iterdir()] == ["theirs"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
