"""The ladder: which rungs there are, whose product each takes, and what is left out with its reason."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.kernel import ladder, products
from snippets.measure import blocks
from snippets.record import open_run

FEW = blocks.Rules(calls=5, calls_min=5, unmeasured=1, block_ms=50, patience_s=0)


@dataclass(frozen=True)
class Mine:
    function: Any
    source: str = "def mine"

    @property
    def text(self) -> str:
        return f"from typing import Any\n{inspect.getsource(self.function)}"


def steps(runs: Path, own=None, threads: int = 2, mode: str = "resume") -> ladder.Ladder:
    run = open_run("model", notebook="0_kernel", run_id="t", runs=str(runs), mode=mode, parameters={})
    return ladder.Ladder(run, own or {"loop order": None, "tiles": None}, 16, threads, FEW)


def test_a_right_product_takes_its_rung_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    found = steps(tmp_path, {"loop order": Mine(products.by_rows, "def by_rows"), "tiles": Mine(products.by_rows)})
    assert found.written["loop order"] == {"by": "you", "why": "", "source": "def by_rows"}
    assert found.written["tiles"]["by"] == "the kit" and found.written["tiles"]["source"] == ""
    assert list(found.turns.entrants)[:5] == ["Python", "naive", "loop order, yours", "tiles", "registers"]
    assert found.turns.entrants["loop order, yours"].inputs["source"] == "def by_rows"
    assert "loop order: yours" in found.whose() and "tiles: the kit's version, because yours" in found.whose()


def test_two_products_of_ones_own_make_other_steps(tmp_path: Path) -> None:
    one = steps(tmp_path, {"loop order": Mine(products.by_rows, "a"), "tiles": None})
    two = steps(tmp_path, {"loop order": Mine(products.by_rows, "b"), "tiles": None})
    assert one.turns.entrants["loop order, yours"].inputs != two.turns.entrants["loop order, yours"].inputs


def test_every_rung_is_measured_and_a_replay_gives_the_same(tmp_path: Path) -> None:
    found = steps(tmp_path)
    found.turns.take_all(2)
    rates, vectors = found.rates(), found.vectors()
    assert tuple(rates) == ladder.ALL_OF_THEM and all(one.value > 0 for one in rates.values())
    assert set(vectors) == set(ladder.LOOPS) and vectors["naive"] == 1
    assert found.rungs["loop order"] == {"step": "kernel/order/latency", "flop": 2 * 16**3}
    again = steps(tmp_path, mode="replay")
    again.turns.take_all(2)
    assert again.rates() == rates and again.vectors() == vectors and again.whose() == found.whose()


def test_what_is_compared_is_of_one_size_and_goes_on_from_the_right_rung(tmp_path: Path) -> None:
    assert steps(tmp_path).compared() == [
        ("naive", "loop order"),
        ("loop order", "tiles"),
        ("loop order", "registers"),
        ("registers", "all threads"),
        ("registers", "library"),
        ("library", "library, all threads"),
    ]
    assert ("library", "library, all threads") not in steps(tmp_path, threads=1).compared()


def test_rates_count_two_operations_and_pythons_matrices_are_smaller(tmp_path: Path) -> None:
    found = steps(tmp_path)
    assert found.flop("naive") == 2 * 16**3 and found.flop("Python") == 2 * 64**3


def test_all_threads_share_the_rows_and_give_the_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = (np.full((16, 16), value, np.float32) for value in (1, 2, 0))
    monkeypatch.setattr(ladder, "matrices", lambda side: (a, b, c))
    steps(tmp_path, threads=3).turns.entrants["all threads"].load()()
    assert (c == 32).all()  # 16 times 1 x 2, each row by one thread


def test_without_numba_the_compiled_rungs_are_noted_as_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "absence", lambda: "no numba")
    found = steps(tmp_path, {"loop order": Mine(products.by_rows), "tiles": None})
    assert found.missing == "no numba" and found.vectors() == {}
    assert list(found.turns.entrants) == ["Python", "library", "library, all threads", "int8, all threads"]
    assert found.compared() == [("library", "library, all threads")]
    names = found.run.record().names()
    assert {f"kernel/{each}/absent" for each in ("naive", "order", "tiles", "registers", "threads")} <= set(names)
    monkeypatch.undo()
    assert steps(tmp_path, mode="replay").missing == "no numba", "a replay says what was recorded"
