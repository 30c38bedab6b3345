"""The first candidate within a criterion is chosen, candidates go from plain to careful, a search may stop early."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from snippets.data.datasets import Split
from snippets.quantize import calibration, quantizer, search
from snippets.quantize.quantizer import Candidate
from snippets.quantize.search import Judging, Network, Trial
from snippets.record.run import open_run
from snippets.stats import Estimate


def trial(name: str, size: int, loss: float) -> Trial:
    return Trial(Candidate(name), Path(name), size, Estimate(loss, loss, loss), {})


TRIALS = [trial("bold", 240, 0.04), trial("even", 240, 0.03), trial("careful", 880, 0.0), trial("bad", 230, 0.2)]


@pytest.mark.parametrize(("criterion", "name"), [(0.05, "bold"), (0.03, "even"), (0.01, "careful"), (0.5, "bold")])
def test_the_first_candidate_that_keeps_the_criterion_is_chosen(criterion: float, name: str) -> None:
    chosen = search.choose(TRIALS, criterion)
    assert chosen is not None and chosen.candidate.name == name


def test_one_that_keeps_it_beyond_doubt_goes_before_one_that_may_have_been_lucky() -> None:
    lucky = replace(trial("lucky", 240, 0.0), loss=Estimate(0.0, -0.02, 0.02))
    sure = replace(trial("sure", 240, 0.005), loss=Estimate(0.005, 0.0, 0.01))
    assert search.choose([lucky, sure], 0.01) == sure
    assert search.choose([lucky, trial("bad", 240, 0.2)], 0.01) == lucky


def test_where_none_is_good_enough_none_is_chosen() -> None:
    assert search.choose(TRIALS[:2], 0.01) is None


def test_a_loss_equal_to_the_criterion_is_within_it() -> None:
    chosen = search.choose([trial("edge", 1, 0.1 + 0.2)], 0.3)
    assert chosen is not None and search.verdict(chosen.loss, 0.3) == "kept"


@pytest.mark.parametrize(
    ("ends", "verdict"), [((0.0, 0.01), "kept"), ((0.0, 0.02), "not decided"), ((0.02, 0.03), "broken")]
)
def test_a_criterion_is_decided_where_the_whole_interval_lies_on_one_side(
    ends: tuple[float, float], verdict: str
) -> None:
    assert search.verdict(Estimate(0.01, *ends), 0.01) == verdict


def test_the_ladder_goes_from_plain_over_single_remedies_to_the_classifier_alone() -> None:
    whole = search.ladder(["worst", "bad", "fair", "good", "best"], equalizable=True)
    short = search.ladder(["worst", "bad", "fair"], equalizable=True, whole=False)
    assert not whole[0].per_channel and whole[-1].operators == short[-1].operators == ("Gemm", "MatMul")
    assert [rung.exclude for rung in whole if rung.exclude] == [("worst", "bad"), ("worst", "bad", "fair", "good")]
    assert {rung.name for rung in short} < {rung.name for rung in whole}
    names = [rung.name for rung in short]
    assert names.index("corrected biases") < names.index("2 sensitive layers in float32")
    assert names.index("2 sensitive layers in float32") < names.index("equalized channels")


def test_seven_bit_weights_are_tried_only_where_eight_overflow() -> None:
    for whole in (True, False):
        plain = search.ladder(["a", "b", "c"], equalizable=True, whole=whole)
        careful = search.ladder(["a", "b", "c"], equalizable=True, whole=whole, overflowing=True)
        assert not any(rung.reduce_range for rung in plain)
        assert [rung.name for rung in careful if rung.reduce_range] == ["7-bit weights", "equalized, 7-bit weights"]
        assert [rung for rung in careful if not rung.reduce_range] == plain
        # What is tried first by those who know: everything, a scale a channel, QDQ.
        assert any(
            rung.per_channel and rung.format == "QDQ" and rung.operators == quantizer.OPERATORS for rung in plain
        )


def test_a_network_with_nothing_to_equalize_has_no_such_rungs() -> None:
    assert not any(rung.equalized for rung in search.ladder(["one", "two", "three"], equalizable=False))


def test_a_corrected_candidate_stores_biases_that_make_up_for_rounding(
    float_model: Path, photos: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    model = onnx.load(float_model)
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    # One scale a channel: 12.7 / 127 = 0.1, so 0.04 of the other two colours is lost.
    mixing = np.array([[12.7, 0.04, 0.04], [0, 12.7, 0], [0, 0, 12.7]], dtype=np.float32)
    stored["mixing"].CopyFrom(numpy_helper.from_array(mixing.reshape(3, 3, 1, 1), "mixing"))
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, dtype=np.float32), "shift"))
    model.graph.node[0].input.append("shift")
    onnx.save(model, tmp_path / "fp32.onnx")
    network = Network(tmp_path / "fp32.onnx", calibration.calibrate(tmp_path / "fp32.onnx", photos[0]))

    def biases(candidate: Candidate) -> np.ndarray:
        file = search.make(candidate, network, tmp_path / candidate.file_name)
        found = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer}
        return found["shift_quantized"] * found["shift_quantized_scale"]

    lost = 0.04 * float(network.calibrated["means"]["input"][1:].sum())
    assert biases(Candidate("plain")).tolist() == [0, 0, 0]
    assert biases(Candidate("corrected", corrected=True)) == pytest.approx([lost, 0, 0], abs=0.001)


def test_a_search_stops_at_the_first_candidate_that_is_good_enough(
    float_model: Path, photos: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    images, labels = photos
    prepared = quantizer.prepare(float_model, tmp_path / "prepared.onnx")
    judging = Judging(
        Network(prepared, calibration.calibrate(prepared, images)),
        None,
        Split(images, labels, tuple("abcdefghi"), ()),
        reference=labels,
        data="fingerprint",
        limit=0,
        threads=1,
    )
    run = open_run("model", run_id="t")
    trials = search.search(run, [Candidate("all"), Candidate("never")], judging, stop_within=0.5)
    assert [one.candidate.name for one in trials] == ["all"] and trials[0].loss.value == 0.0
    assert trials[0].bytes == trials[0].file.stat().st_size and trials[0].file == run.models / "search" / "all.onnx"
    assert run.record().names() == ("quantize/search/all.onnx",)
