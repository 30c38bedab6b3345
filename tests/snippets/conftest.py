"""Fixtures of the tests of snippets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from snippets.data.datasets import Dataset, dataset
from snippets.triton.server import TritonServer


@pytest.fixture(scope="session")
def triton_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """One embedded Triton for all tests that do it no harm; started when first needed."""
    server = TritonServer("embedded", tmp_path_factory.mktemp("triton"))
    with server:
        yield server


@pytest.fixture(scope="session")
def own_classes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A course's own three classes, a few pictures each."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("own-classes")
    dice = np.random.default_rng(0)
    for split in ("training", "validation", "evaluation"):
        for name in ("cat", "dog", "fish"):
            (folder / split / name).mkdir(parents=True)
            for number in range(3):
                Image.fromarray(dice.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(
                    folder / split / name / f"{number}.png"
                )
    return dataset(folder, cache=tmp_path_factory.mktemp("cache"))
