"""The batcher lab as recorded steps: measured once with a real endpoint, replayed without one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from snippets.draw import system_charts, system_tables
from snippets.machine import process
from snippets.record.run import open_run
from snippets.serve.batching.lab import Asked, BatcherLab
from snippets.triton.deployments import write_similar_photos

RIGHT = """async def batcher(queue, answer, max_batch, max_delay_s):
    while True:
        batch = [await queue.get()]
        while len(batch) < max_batch and not queue.empty():
            batch.append(queue.get_nowait())
        await answer(batch)
"""
DIES = RIGHT.replace("        await answer(batch)\n", "        raise LookupError('gone')\n")


@dataclass(frozen=True)
class Written:
    source: str
    function: None = None


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_similar_photos(tmp_path_factory.mktemp("search") / "similar.onnx", photos=256)


ASKED = {"off-4": Asked(1, 0.0, 4), "delay-0-4": Asked(4, 0.0, 4)}


def lab_of(runs: Path, model: Path, source: str, mode: str = "resume") -> BatcherLab:
    run = open_run("system", notebook="3_batching", run_id="t", runs=runs, mode=mode)
    if source:
        (run.folder / "functions.py").write_text(f"import asyncio\n\n\n{source}")
    return BatcherLab(run, model, Written(source) if source else None)  # type: ignore[arg-type]


def test_a_batcher_of_ones_own_serves_under_load_and_replays_without_a_server(tmp_path: Path, model: Path) -> None:
    lab = lab_of(tmp_path, model, RIGHT)
    loads = lab.loads(ASKED, 0.15, 2)
    lab.close()
    assert not process.running() and lab.whose(loads) == "your batcher"
    for load in loads.values():
        assert load["failures"] == 0 and load["ok"].all()
        assert sum(int(size) * count for size, count in load["batches"].items()) == load["inferences"] > 0
        assert load["server_ms"] == pytest.approx(load["queue_ms"] + load["compute_ms"])
    assert set(loads["off-4"]["batches"]) == {"1"} and loads["delay-0-4"]["mean_batch"] > 1
    assert "| off-4 |" in system_tables.loads(loads) and "**delay-0-4**" in system_tables.compared(loads)
    assert system_charts.where_time_goes(loads, "Batches").axes and system_charts.batch_histogram(loads, "Sizes").axes

    again = lab_of(tmp_path, model, "", "replay")
    replayed = again.loads(ASKED, 0.15, 2)
    np.testing.assert_array_equal(replayed["off-4"]["latency_ms"], loads["off-4"]["latency_ms"])
    assert again.whose(replayed) == "your batcher" and not process.running()


def test_one_that_dies_under_load_is_replaced_and_the_run_goes_on(tmp_path: Path, model: Path) -> None:
    lab = lab_of(tmp_path, model, DIES)
    loads = lab.loads({"off-4": ASKED["off-4"]}, 0.1, 1)
    lab.close()
    assert loads["off-4"]["failures"] == 0 and loads["off-4"]["by"] == "the kit"
    assert lab.whose(loads) == "the kit's batcher in the place of yours: it fails: LookupError: gone"


def test_without_a_batcher_the_kits_serves(tmp_path: Path, model: Path) -> None:
    lab = lab_of(tmp_path, model, "")
    loads = lab.loads({"off-4": ASKED["off-4"]}, 0.1, 1)
    lab.close()
    assert lab.whose(loads) == "the kit's batcher, as none is written"
