"""A student's choice of layers is recorded, tried like others, and becomes the conservative file where it may."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from snippets import stats
from snippets.data.datasets import Split
from snippets.engine.plan import plan_of
from snippets.quantize import int8, own_layers, search
from snippets.record.run import open_run

SCAN = {"parts": ["late", "early"], "errors": [0.5, 0.25], "layers": [["classifier"], ["depthwise", "pointwise"]]}


class Chooses:
    """What `write` gives: called, it takes the parts of these indexes."""

    def __init__(self, *taken: int, by: str = "you", source: str = "def float_layers"):
        self.taken, self.by, self.source, self.asked = list(taken), by, source, []

    def __call__(self, errors: list[float], extra_bytes: list[int], allowed: float) -> list[int]:
        self.asked.append((errors, extra_bytes, allowed))
        return self.taken


@pytest.fixture
def prepared(float_model: Path) -> Path:
    return int8.prepared(open_run("model", run_id="t"), float_model)


def test_a_part_in_float_adds_three_bytes_a_weight(prepared: Path) -> None:
    # 3 x 3 weights of the pointwise convolution, 3 of the depthwise one.
    assert own_layers.extra_bytes(prepared, [["depthwise"], ["pointwise", "depthwise"]]) == [9, 36]
    assert own_layers.extra_bytes(prepared, [[]]) == [1], "a part is divided by it"


def test_the_choice_is_recorded_with_what_it_costs_and_leaves(prepared: Path) -> None:
    run, function = open_run("model", run_id="t"), Chooses(1)
    kept = own_layers.choose(run, prepared, SCAN, function, 0.6)
    ((errors, extra, allowed),) = function.asked
    assert errors == [0.5, 0.25] and allowed == 0.6 and kept.extra_bytes == extra[1]
    assert kept.parts == ("early",) and kept.layers == ("depthwise", "pointwise") and kept.left == 0.5
    assert str(kept).startswith("stays in float32: early; ") and "error of the rest 0.5000 (allowed: 0.6)" in str(kept)
    candidate = own_layers.candidate(run)
    assert candidate is not None and candidate.exclude == ("depthwise", "pointwise") and candidate.typical


def test_another_function_or_another_limit_chooses_anew_and_a_replay_takes_what_is_recorded(prepared: Path) -> None:
    run = open_run("model", run_id="t")
    own_layers.choose(run, prepared, SCAN, Chooses(1), 0.6)
    own_layers.choose(run, prepared, SCAN, Chooses(0), 0.3)
    assert own_layers.candidate(run).exclude == ("classifier",)
    own_layers.choose(run, prepared, SCAN, Chooses(0, 1, source="another"), 0.3)
    again = open_run("model", run_id="t", mode="replay")
    kept = own_layers.choose(again, prepared, SCAN, Chooses(by="the kit", source=""), 0.3)
    assert kept.by == "you" and kept.parts == ("late", "early")


def test_the_kits_choice_is_shown_and_not_tried(prepared: Path) -> None:
    run = open_run("model", run_id="t")
    assert own_layers.candidate(run) is None
    kept = own_layers.choose(run, prepared, SCAN, Chooses(1, by="the kit", source=""), 0.6)
    assert kept.by == "the kit" and own_layers.candidate(run) is None


@pytest.mark.parametrize(("lost", "chosen"), [(0.01, True), (0.012, False)])
def test_it_is_the_conservative_file_where_its_estimate_keeps_the_criterion(
    prepared: Path, float_model: Path, photos: Any, monkeypatch: pytest.MonkeyPatch, lost: float, chosen: bool
) -> None:
    split = Split(*photos, tuple("abcdefghi"), ())
    data: Any = SimpleNamespace(split=lambda name: split, fingerprint="fingerprint")
    plan = replace(plan_of("quick", threads=1), validation=0, calibration=3)
    run = open_run("model", run_id="t")
    own_layers.choose(run, prepared, SCAN, Chooses(0), 0.3)
    tried = search.search

    def searched(run: Any, candidates: Any, *arguments: Any, **more: Any) -> Any:
        found = tried(run, candidates, *arguments, **more)
        loss = stats.Estimate(lost, -0.02, 0.04)
        return [replace(one, loss=loss) if one.candidate.name == own_layers.NAME else one for one in found]

    monkeypatch.setattr(int8.search, "search", searched)
    found = int8.ensure(run, float_model, data, plan)
    assert (found.chosen["conservative"].candidate.name == own_layers.NAME) == chosen
    assert found.chosen["aggressive"].candidate.name != own_layers.NAME
    assert found.trials[-1].candidate.name == own_layers.NAME
    taken = run.record().result("quantize/conservative/choose")["candidate"]
    assert (taken == "your-layers-in-float32") == chosen
    assert np.isfinite(found.trials[-1].bytes)
