"""The rehearsal set is the same everywhere, complete, and never half made."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from snippets.data.datasets import dataset
from snippets.data.image import decode
from snippets.data.rehearsal import pictures
from snippets.errors import DataError

TINY = {"training": 22, "validation": 11, "evaluation": 11}
# Of the drawn pixels, before JPEG: changes only with rehearsal.VERSION.
KNOWN = {
    0: "8ab9be0e39a46f11",
    1: "631e5858fcfd22ef",
    2: "da0cc468a26ad3fd",
    3: "ebd29b4285d41ac4",
    4: "046663037778532f",
    5: "80b07484397d92db",
    6: "1ef2b637a5b5f3a6",
    7: "8882a9bf32c7acba",
    8: "bdb22298cb3851ef",
    9: "40a3a288743fb3f0",
    10: "3bea46b5330b81f8",
}


def digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:16]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return pictures.generate(tmp_path_factory.mktemp("tiny") / "set", TINY)


@pytest.mark.parametrize("label", range(11))
def test_each_class_is_drawn_with_the_same_pixels_on_every_machine(label):
    assert digest(np.asarray(pictures.draw(label, "training", 0))) == KNOWN[label]


def test_the_files_lie_in_food11s_layout(tiny):
    files = sorted(path.relative_to(tiny).as_posix() for path in tiny.rglob("*.jpg"))
    assert len(files) == 44
    assert files[0] == "evaluation/Bread/0_0.jpg" and files[-1] == "validation/Vegetable-Fruit/10_0.jpg"
    assert decode(tiny / files[0]).shape == (224, 224, 3)


def test_drawing_again_gives_the_same_files(tiny, tmp_path):
    again = pictures.generate(tmp_path / "again", TINY)
    for file in tiny.rglob("*.jpg"):
        assert file.read_bytes() == (again / file.relative_to(tiny)).read_bytes()


def test_splits_and_numbers_differ():
    one = digest(np.asarray(pictures.draw(3, "training", 0)))
    assert one != digest(np.asarray(pictures.draw(3, "evaluation", 0)))
    assert one != digest(np.asarray(pictures.draw(3, "training", 1)))


def test_the_map_shows_the_named_dish_where_it_was_drawn():
    shares = [(pictures.where(label, "training", 1) == 1 + label).mean() for label in range(11)]
    assert min(shares) > 0.02 and max(shares) < 0.8


def test_the_fingerprint_follows_the_recipe(monkeypatch):
    before = pictures.fingerprint()
    assert pictures.fingerprint(TINY) != before
    monkeypatch.setattr(pictures, "VERSION", pictures.VERSION + 1)
    assert pictures.fingerprint() != before


def test_a_killed_generation_leaves_no_half_set(tmp_path):
    program = (
        "import sys\nfrom pathlib import Path\nfrom snippets.data.rehearsal import pictures\n"
        "pictures.generate(Path(sys.argv[1]), {'training': 5500})\n"
    )
    target = tmp_path / "set"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(target)], stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        process.stderr.read(1)  # the progress line: pictures are being drawn
        assert len(list(tmp_path.glob(".set.*.partial/training/*/*.jpg"))) > 0
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()
    assert not target.exists()
    pictures.generate(target, TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_failed_drawing_process_is_an_error_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(DataError, match="stopped after 0 of 44 pictures"):
        pictures.generate(tmp_path / "set", TINY)
    assert list(tmp_path.iterdir()) == []


def test_the_full_set_has_food11s_classes_and_the_stated_counts():
    full = dataset("rehearsal")
    assert full.classes == pictures.CLASSES and full.fingerprint == pictures.fingerprint()
    for name, count in pictures.COUNTS.items():
        split = full.split(name)
        assert len(split.labels) == count and split.skipped == ()
        assert np.bincount(split.labels).tolist() == [count // 11] * 11
