"""`servelab browser`: whoever opens the page is measured into a run of its own, also in two goes."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snippets.edge.browser import measuring, vendor
from snippets.edge.browser.verb import OPENED, ByHandOptions, measure_by_hand
from snippets.errors import ModelError, RunTimeout
from snippets.record.run import load_record
from tests.snippets.edge.browser.tabs import Tab
from tests.snippets.servers import save_toy_onnx

pytestmark = pytest.mark.skipif(bool(vendor.absence()), reason="no onnxruntime-web: make browser")


class Visitor:
    """Opens the page that is said, and does what it asks; the first tab is closed over its third block."""

    def __init__(self, closes: bool) -> None:
        self.told: list[str] = []
        self._left, self._blocks = not closes, 0
        self._rng = np.random.default_rng(0)

    def say(self, words: object) -> None:
        self.told.append(str(words))
        if "\nhttp://" in str(words):
            self._url = str(words).split("\n")[1]
            self._open()
        elif "open the same URL again" in str(words):
            self._open()

    def _open(self) -> None:
        def come() -> None:
            self._tab = Tab(self._url, self._do)

        threading.Thread(target=come, daemon=True).start()

    def _do(self, command: dict[str, Any]) -> dict[str, Any]:
        times = [float(ms) for ms in np.round(self._rng.uniform(1, 2, 8), 6)]
        if command["do"] == "start":
            names = ("fetch_ms", "runtime_ms", "model_ms", "first_inference_ms", "answered_ms")
            return {"result": dict(zip(names, times, strict=False))}
        if command["do"] == "block":
            self._blocks += 1
            if self._blocks == 3 and not self._left:
                self._left = True
                self._tab.post("bye", {})
            return {"result": {"times_ms": times}}
        if command["do"] == "classify":
            return {"result": {"predictions": [i % 3 for i in range(command["count"])]}}
        return {"result": {}}


@pytest.fixture(autouse=True)
def two_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "ROUNDS", {"quick": 2})


def options(kit: Path, runs: Path, **more: Any) -> ByHandOptions:
    return ByHandOptions(runs=str(runs), kit=str(kit), wait_s=20.0, **more)


def test_a_page_that_is_closed_halfway_goes_on_and_loses_nothing(toy_kit: Path, tmp_path: Path) -> None:
    visitor = Visitor(closes=True)
    folder = measure_by_hand(options(toy_kit, tmp_path), visitor.say)
    assert folder == tmp_path / "edge" / "browser"
    record = load_record(folder)
    names = [step.name for step in record.steps]
    assert len(names) == len(set(names)), "nothing was measured twice"
    assert {"browser/facts", "browser/turns-2", "browser/native-fp32/accuracy"} <= set(names) and not record.verify()
    assert visitor.told[1] == (
        "The page was closed, or its device is no longer reached. What was measured is kept: open the same URL again, "
        "and it goes on."
    )
    # Done: a second time, nobody has to open anything.
    again = Visitor(closes=False)
    assert measure_by_hand(options(toy_kit, tmp_path), again.say) == folder and again.told == []


def test_what_lan_opens_is_said_before_the_url(toy_kit: Path, tmp_path: Path) -> None:
    visitor = Visitor(closes=False)
    measure_by_hand(options(toy_kit, tmp_path, lan=True, run_id="phone"), visitor.say)
    assert visitor.told[0] == OPENED and "random token" in OPENED and "unencrypted" in OPENED


def test_a_page_that_nobody_opens_ends_with_where_the_rest_is(toy_kit: Path, tmp_path: Path) -> None:
    wanted = ByHandOptions(runs=str(tmp_path), kit=str(toy_kit), wait_s=0.1)
    with pytest.raises(RunTimeout, match="nobody opened .* What was measured is kept in .*browser"):
        measure_by_hand(wanted, lambda words: None)


def test_a_model_that_the_page_cannot_run_is_named_before_anything_is_opened(toy_kit: Path, tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    kit.mkdir()
    save_toy_onnx(kit / "fp32.onnx", side=96)
    (kit / "photos.npz").write_bytes((toy_kit / "photos.npz").read_bytes())
    told: list[object] = []
    with pytest.raises(ModelError, match="The page cannot measure fp32: fp32.onnx takes tensor"):
        measure_by_hand(options(kit, tmp_path / "runs"), told.append)
    assert told == []
