"""What is measured of a language model, on a scheduler whose steps take 10 ms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.record import open_run
from snippets.stats import Estimate
from snippets.tokens import lab as tokens
from snippets.tokens.lab import TokenLab
from tests.snippets.tokens.pipelines import installed


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TokenLab:
    installed(monkeypatch)
    monkeypatch.setattr(tokens, "parameters", lambda path: 1000)
    file = tmp_path / "model.gguf"
    file.write_bytes(bytes(600))
    return TokenLab(open_run("system", run_id="t", runs=str(tmp_path)), file, 2, "quick")


def test_the_model_is_told_with_its_size(lab: TokenLab) -> None:
    assert {"parameters": 1000, "bytes": 600}.items() <= lab.loaded().items()


def test_each_prompt_is_timed_once_a_round(lab: TokenLab) -> None:
    found = lab.alone()
    assert sorted(zip(found["round"], found["prompt"], strict=True)) == [
        (number, length) for number in range(5) for length in (16, 64, 256)
    ]
    first = tokens.by(found, "prompt", "first_ms")
    assert {length: one.value for length, one in first.items()} == pytest.approx({16: 10, 64: 10, 256: 10})
    assert {"first_ms", "each_ms"} <= found.keys() and found["tokens"] == 8
    assert lab.without_cache(64)["position"].tolist().count(72) == 5


def test_sequences_at_once_share_the_steps(lab: TokenLab) -> None:
    found = lab.together()
    rates = tokens.by(found, "sequences", "per_s")
    assert {count: rate.value for count, rate in rates.items()} == pytest.approx({n: 100 * n for n in (1, 2, 4, 8)})


def test_groups_wait_for_their_longest_and_the_continuous_ones_do_not(lab: TokenLab) -> None:
    found = lab.mixed()
    lengths = found["lengths"]
    first, second = lengths[:8].max(), lengths[8:].max()
    assert found["groups_ms"].shape == (5, 16)
    # A step is 10 ms: the first group is answered with its longest, the second after both.
    assert found["groups_ms"][0] == pytest.approx(np.repeat([10 * first, 10 * (first + second)], 8))
    assert found["continuous_ms"][0][:8] == pytest.approx(10 * lengths[:8])
    assert (found["continuous_per_s"] >= found["groups_per_s"] - 1e-9).all()
    assert "continuously a request is answered" in tokens.sooner(found)


def test_an_open_loop_has_a_row_a_request(lab: TokenLab) -> None:
    found = lab.offered(40, 5.0)
    assert found["due_s"].size == found["first_ms"].size == found["whole_ms"].size > 10
    # Steps are short, and places are free: a request waits for the step under way and for its own.
    assert (found["first_ms"] <= 20.001).all() and found["each_ms"] == pytest.approx(10)
    assert tokens.goodput(found)[0] == 1.0 and 8 <= lab.mean_length <= 32


def test_goodput_counts_who_kept_both_limits() -> None:
    step: dict[str, Any] = {
        "first_ms": [500.0, 501.0, 10.0, 10.0],
        "each_ms": [100.0, 10.0, 101.0, 10.0],
        "seconds": 4.0,
    }
    assert tokens.goodput(step) == (0.5, 0.5)
    assert tokens.goodput({"first_ms": [], "each_ms": [], "seconds": 4.0}) == (0.0, 0.0)


def test_a_token_stands_on_the_roof_by_its_operations_and_the_files_bytes() -> None:
    # 1,000 weights, a token: 2,000 operations on 500 bytes; in 2 ms a million a second.
    place, rate = tokens.on_the_roof({"parameters": 1000, "bytes": 500}, 1, Estimate(2.0, 1.0, 4.0))
    assert place == 4.0 and (rate.value, rate.low, rate.high) == pytest.approx((1e-3, 5e-4, 2e-3))


def test_what_the_rounds_leave_open_is_said() -> None:
    mixed = {"groups_ms": np.array([[1.0], [4.0], [2.0]]), "continuous_ms": np.array([[2.0], [2.0], [2.0]])}
    assert tokens.sooner(mixed).endswith("not decided by these rounds")
    kept = {"anew_ms": [100.0, 100.0], "kept_ms": [10.0, 10.0], "prefix": 48}
    assert tokens.told_of_prefixes(kept) == (
        "read anew / kept = 10.0 (10.0 to 10.0) times; the tokens to be read are 4 times as many"
    )
