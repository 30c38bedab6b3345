"""The search's work and traffic by hand, and what both kinds of numbers answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.kernel import search
from snippets.record import open_run
from snippets.triton.deployments import write_similar_photos


def test_work_and_traffic_of_a_search() -> None:
    # 3 photos of 10 numbers by 100 stored ones: 3 x 10 x 100 multiplications with an addition. 4 bytes each: the
    # catalogue 4,000, the photos 120, the scores 3 x 100 x 4 = 1,200.
    assert search.work(3, (10, 100)) == (6000, 5320)
    assert search.work(3, (10, 100), search.INT8) == (6000, 1000 + 30 + 1200)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> search.Search:
    folder = tmp_path_factory.mktemp("search")
    path = write_similar_photos(folder / "similar.onnx", photos=512)
    run = open_run("model", notebook="0_kernel", run_id="t", runs=str(folder), parameters={})
    return search.Search(run, path, 1, "quick")


def test_the_searches_are_named_by_photos_and_numbers(found: search.Search) -> None:
    assert list(found.variants) == ["1 photo", "8 photos", "32 photos", "1 photo, int8", "32 photos, int8"]
    steps = [one.step for one in found.turns.entrants.values()]
    assert steps == ["search/float32-1", "search/float32-8", "search/float32-32", "search/int8-1", "search/int8-32"]


def test_int8_finds_mostly_the_same_photo(found: search.Search) -> None:
    assert found.shape == (1280, 512) and found.agreement() > 0.8


def test_points_are_operations_a_byte_and_the_rate_of_the_blocks(found: search.Search) -> None:
    found.turns.take_all(2)
    points = found.points()
    assert points["1 photo"][0] == pytest.approx(0.5, rel=0.01)  # 2 operations with each number of 4 bytes
    assert points["1 photo, int8"][0] == pytest.approx(2, rel=0.01)
    ms = found.turns.latencies()["1 photo"].p50().value
    assert points["1 photo"][1].value == pytest.approx(2 * 1280 * 512 / ms / 1e6)


def test_the_catalogue_is_that_of_the_file(tmp_path: Path) -> None:
    assert search.catalogue(write_similar_photos(tmp_path / "few.onnx", photos=64)).shape == (1280, 64)
