"""The smallest file within a criterion is chosen, candidates go from bold to careful, and a search may stop early."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from snippets.data.datasets import Split
from snippets.quantize import quantizer, search
from snippets.quantize.quantizer import Candidate
from snippets.quantize.search import Judging, Trial
from snippets.record.run import open_run
from snippets.stats import Estimate


def trial(name: str, size: int, loss: float) -> Trial:
    return Trial(Candidate(name), Path(name), size, Estimate(loss, loss, loss), Estimate(0.9, 0.9, 0.9), {})


TRIALS = [trial("bold", 240, 0.04), trial("even", 240, 0.03), trial("careful", 880, 0.0), trial("bad", 230, 0.2)]


@pytest.mark.parametrize(("criterion", "name"), [(0.05, "even"), (0.01, "careful"), (0.5, "bad")])
def test_of_those_within_the_criterion_the_smallest_is_chosen(criterion: float, name: str) -> None:
    chosen = search.choose(TRIALS, criterion)
    assert chosen is not None and chosen.candidate.name == name


def test_where_none_is_good_enough_none_is_chosen() -> None:
    assert search.choose(TRIALS[:2], 0.01) is None


def test_a_loss_equal_to_the_criterion_is_within_it() -> None:
    assert search.within(trial("edge", 1, 0.1 + 0.2), 0.3)


def test_the_ladder_goes_from_everything_to_the_classifier_alone(float_model: Path) -> None:
    whole, short = search.ladder(float_model), search.ladder(float_model, whole=False)
    assert whole[0].name == "all, per tensor" and not whole[0].per_channel
    assert whole[-1].operators == ("Gemm", "MatMul")
    assert next(rung for rung in whole if rung.name == "all but depthwise").exclude == ("depthwise",)
    assert [rung.exclude for rung in short] == [(), ("pointwise",), ()]


def test_a_search_stops_at_the_first_candidate_that_is_good_enough(
    float_model: Path, photos: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    images, labels = photos
    prepared = quantizer.prepare(float_model, tmp_path / "prepared.onnx")
    judging = Judging(
        prepared,
        quantizer.calibrate(prepared, images),
        Split(images, labels, tuple("abcdefghi"), ()),
        reference=labels,
        data="fingerprint",
        limit=0,
        threads=1,
    )
    run = open_run("model", run_id="t")
    trials = search.search(run, [Candidate("all"), Candidate("never")], judging, stop_within=0.0)
    assert [one.candidate.name for one in trials] == ["all"] and trials[0].loss.value == 0.0
    assert trials[0].bytes == trials[0].file.stat().st_size and trials[0].file == run.models / "search" / "all.onnx"
    assert run.record().names() == ("quantize/search/all.onnx",)
