"""Streams share the images of a batch out among single-threaded models, and give the answers back in order."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from snippets.engine import providers, streams


class Model:
    """Gives each image's first number back, remembers sizes and threads, and meets the others before it answers."""

    def __init__(self, together: threading.Barrier | None = None) -> None:
        self.sizes: list[int] = []
        self.threads: set[int] = set()
        self._together = together

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        self.sizes.append(len(batch))
        self.threads.add(threading.get_ident())
        if self._together is not None:
            self._together.wait(timeout=20)
        return batch[:, :1]


def test_each_image_is_answered_once_and_in_order() -> None:
    models = [Model() for _ in range(3)]
    batch = np.arange(20, dtype=np.float32).reshape(10, 2)
    assert streams.side_by_side(models)(batch).tolist() == batch[:, :1].tolist()
    assert [size for model in models for size in model.sizes] == [1] * 10


def test_the_streams_work_at_the_same_time() -> None:
    # The barrier lets nobody pass before both are there: one after the other would break it.
    together = threading.Barrier(2)
    models = [Model(together), Model(together)]
    streams.side_by_side(models)(np.zeros((2, 1), dtype=np.float32))
    assert [model.sizes for model in models] == [[1], [1]]


def test_an_image_alone_pays_for_no_other_thread() -> None:
    models = [Model(), Model()]
    assert streams.side_by_side(models)(np.full((1, 2), 7.0)).tolist() == [[7.0]]
    assert models[0].threads == {threading.get_ident()} and not models[1].sizes


def test_what_a_stream_raises_reaches_the_caller() -> None:
    def broken(batch: np.ndarray) -> np.ndarray:
        raise ValueError("no such image")

    with pytest.raises(ValueError, match="no such image"):
        streams.side_by_side([broken, broken])(np.zeros((4, 1)))


@pytest.mark.parametrize("provider", ["cpu", "openvino"])
def test_a_model_answers_the_same_as_streams(small_onnx: Path, provider: str) -> None:
    if reason := providers.absence(provider):
        pytest.skip(reason)
    images = np.random.default_rng(1).normal(size=(7, 3, 32, 32)).astype(np.float32)
    plain = providers.session(small_onnx, provider, threads=1)
    several = providers.session(small_onnx, provider, threads=2, tuning=streams.Tuning(streams=True))
    assert several.threads == 2
    for size in (7, 1, 2):
        assert np.allclose(several(images[:size]), plain(images[:size]), atol=1e-4)
