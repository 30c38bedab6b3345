"""Every class is in a limited evaluation, and what was classified already is not classified again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from snippets.data.datasets import Split
from snippets.data.image import preprocess
from snippets.errors import DataError
from snippets.model import evaluate


@pytest.fixture
def split() -> Split:
    dice = np.random.default_rng(0)
    images = dice.integers(0, 256, (23, 224, 224, 3), dtype=np.uint8)
    return Split(images=images, labels=np.arange(23) % 5, files=tuple(f"{n}.jpg" for n in range(23)), skipped=())


class Counting:
    """A model of sorts, whose class follows from the picture; counts the images it was shown."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.seen += len(batch)
        return np.stack([np.abs(batch.mean(axis=(1, 2, 3)) * 1e4 + k) % 7 for k in range(5)], axis=1)


@pytest.mark.parametrize("limit", [0, 13])
def test_known_batches_give_the_same_predictions_without_a_second_run(split: Split, limit: int) -> None:
    whole = evaluate.accuracy_step(Counting(), split, "evaluation", limit=limit, batch=4)
    batches = evaluate.whole_batches(split, 4, limit)
    known = {number: Counting()(batch).argmax(axis=1) for number, batch in enumerate(batches)}
    assert len(known) == (limit or 23) // 4
    rest = Counting()
    again = evaluate.accuracy_step(rest, split, "evaluation", limit=limit, batch=4, known=known)
    np.testing.assert_array_equal(again["predictions"], whole["predictions"])
    np.testing.assert_array_equal(again["indices"], whole["indices"])
    assert rest.seen == (limit or 23) % 4
    assert len(set(whole["predictions"])) > 1


def test_whole_batches_are_preprocessed_images_of_the_split_and_bounded(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = evaluate.whole_batches(split, 5)
    assert [batch.shape for batch in batches] == [(5, 3, 224, 224)] * 4
    np.testing.assert_array_equal(batches[1], preprocess(split.images[5:10]))
    assert evaluate.whole_batches(split, 24) == []
    monkeypatch.setattr(evaluate, "READY", 12)
    assert len(evaluate.whole_batches(split, 5, limit=20)) == 2


def test_what_is_kept_belongs_to_one_split_and_limit(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(split, images=255 - split.images)
    monkeypatch.setattr(evaluate, "READY", 9)  # the rest is preprocessed when it is needed
    alone = {
        (name, limit): evaluate.predict(Counting(), part.images, 4, evaluate.subset(part.labels, limit))
        for name, part in (("split", split), ("other", other))
        for limit in (0, 13)
    }
    for (name, limit), expected in alone.items():
        for _ in range(2):
            part = split if name == "split" else other
            found = evaluate.accuracy_step(Counting(), part, name, limit=limit, batch=4)["predictions"]
            np.testing.assert_array_equal(found, expected)
    assert evaluate.preprocessed(split, 13) is evaluate.preprocessed(split, 13)


def test_a_limited_subset_has_every_class_in_its_share(split: Split) -> None:
    chosen = evaluate.subset(split.labels, 10)
    assert len(chosen) == 10 == len(set(chosen))
    assert np.bincount(split.labels[chosen]).tolist() == [2] * 5
    assert evaluate.subset(split.labels, 0).tolist() == list(range(23))


def test_an_empty_split_is_an_error(split: Split) -> None:
    with pytest.raises(DataError, match="no images"):
        evaluate.predict(Counting(), split.images, indices=np.array([], dtype=np.int64))
