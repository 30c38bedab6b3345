"""A real Chromium measures a toy model beside native ONNX Runtime, and what it sends are honest steps of the record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grading.checks import invariants, trust
from grading.checks.evidence import Evidence
from grading.checks.integrity.remarks import integrity_remarks
from grading.checks.integrity.shapes import fields_of, mismatches
from snippets.data import image
from snippets.draw import edge_charts, edge_tables
from snippets.edge.browser import measuring, results, vendor
from snippets.edge.browser.page import PHASES
from snippets.edge.browser.visit import Headless, Visit
from snippets.engine import turns
from snippets.errors import ToolMissing
from snippets.machine.browser import with_page
from snippets.record.read import Record
from snippets.record.run import load_record
from tests.pages import needs_chromium
from tests.snippets.edge.browser.conftest import opened
from tests.snippets.edge.browser.tabs import FACTS

here = [needs_chromium, pytest.mark.skipif(bool(vendor.absence()), reason="no onnxruntime-web: make browser")]


@pytest.fixture(scope="module")
def measured(toy_kit: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Record]]:
    """The folder of runs, and the record of the toy model in this machine's Chromium, two rounds of it."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(turns.ROUNDS, "quick", 3)
        patch.setattr(measuring, "ROUNDS", turns.ROUNDS)
        run, material = opened(folder, toy_kit)
        with Visit(lambda: measuring.resources(material), Headless()) as visit:
            measuring.measure(run, material, visit, profile="quick")
        yield folder, run.record()


class TestInChromium:
    pytestmark = here

    def test_it_gives_the_classes_that_the_native_runtime_gives(self, measured: tuple[Path, Record]) -> None:
        _, record = measured
        fp32, conservative = results.rows(record)
        assert fp32.same == conservative.same == 1.0 and fp32.photos == 9
        assert fp32.lost is not None and fp32.lost.value == 0.0 and fp32.accuracy.value == 1.0
        assert np.array_equal(record.result("browser/wasm-fp32/accuracy")["predictions"], np.arange(9) % 3)

    def test_the_page_is_isolated_and_has_simd_threads_and_a_fine_clock(self, measured: tuple[Path, Record]) -> None:
        facts = measured[1].result("browser/facts")
        assert facts["isolated"] and facts["secure"] and facts["simd"] and not facts["remote"]
        assert facts["threads"] == min(4, facts["cores"]) and facts["resolution_ms"] <= 0.1
        assert facts["version"] == vendor.package().version and "Chrome" in facts["user_agent"]

    def test_blocks_of_page_and_native_runtime_take_turns(self, measured: tuple[Path, Record]) -> None:
        record = measured[1]
        threads = record.result("browser/facts")["threads"]
        names = {f"{where}-fp32-threads-{threads}" for where in ("wasm", "native")}
        assert names <= set(record.result("browser/turns-1")["blocks_ms"])
        for name in names:
            step = record.result(f"browser/{name}/latency")
            assert set(step["rounds"]) == {1, 2, 3} and step["group"] == "browser" and (step["latency_ms"] > 0).all()
        assert results.rows(record)[0].slower is not None

    def test_a_first_visit_has_phases_that_add_up(self, measured: tuple[Path, Record]) -> None:
        start = measured[1].result("browser/wasm-fp32/start")
        together = sum(start[f"{phase}_ms"] for phase in PHASES)
        assert np.allclose(together, start["answered_ms"], atol=1e-3) and (start["fetch_ms"] > 0).all()

    def test_a_step_is_as_long_as_what_the_page_did_in_it(self, measured: tuple[Path, Record]) -> None:
        record = measured[1]
        assert [problem for step in record.steps for problem in invariants.problems(step, step.result)] == []
        for step in record.steps:
            assert [one.told for one in mismatches(step.name, step.result, True)] == [], step.name
        assert fields_of("browser/facts", True) and fields_of("browser/wasm-fp32/start", True)

    def test_nothing_of_it_looks_made_up(self, measured: tuple[Path, Record]) -> None:
        evidence = Evidence(measured[1])
        assert trust.inconsistencies(evidence, frozenset()) == []
        assert [one for one in trust.implausibilities(evidence) if "browser/" in one] == []
        assert [one for one in integrity_remarks(evidence) if "browser/" in one] == []

    def test_a_replay_needs_neither_browser_nor_kit(
        self, measured: tuple[Path, Record], toy_kit: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(measuring, "ROUNDS", {"quick": 3})
        run, material = opened(measured[0], toy_kit, mode="replay")
        monkeypatch.setenv("SERVELAB_CHROMIUM", "/nowhere")
        assert measuring.prepare(run) == ""

        def nobody() -> Any:
            raise AssertionError("the page is not needed")

        with Visit(nobody, Headless()) as visit:
            measuring.measure(run, material, visit, profile="quick")

    def test_figure_and_tables_are_drawn_from_the_record(self, measured: tuple[Path, Record]) -> None:
        record = measured[1]
        left, right = edge_charts.browser(record).axes
        assert [label.get_text() for label in left.get_yticklabels()] == ["fp32", "conservative"]
        assert len(right.texts) == 2
        threads = record.result("browser/facts")["threads"]
        written = " ".join(text.get_text() for text in left.texts)
        assert "native" in written and f"browser, {threads} thread" in written
        assert "9 of 9" in edge_tables.in_browser(record) and "| fp32 |" in edge_tables.browser_starts(record)
        assert f"{threads} thread(s) for a model; its clock" in results.told(record)

    def test_pixels_become_the_network_s_input_bit_for_bit(self) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        scale, offset = image.normalization()
        source = (measuring.STATIC / "preprocess.js").read_text().replace("export ", "")
        given = json.dumps([pixels.ravel().tolist(), 16, scale.tolist(), offset.tolist()])
        script = f"() => {{ {source}; const [p, side, s, o] = {given}; "
        script += "return Array.from(new Uint32Array(preprocess(Uint8Array.from(p), side, s, o).buffer)); }"
        bits = with_page(lambda page: page.evaluate(script))
        assert np.array_equal(np.array(bits, dtype=np.uint32).view(np.float32), image.preprocess(pixels).ravel())

    def test_a_model_that_is_gone_is_one_sentence_and_costs_no_other_step(self, toy_kit: Path, tmp_path: Path) -> None:
        run, material = opened(tmp_path, toy_kit)
        offered = measuring.resources(material)
        del offered["models/conservative"]
        with pytest.raises(Exception, match="models/conservative could not be fetched: 404"):
            with Visit(lambda: offered, Headless()) as visit:
                measuring.measure(run, material, visit, profile="quick")
        assert {"browser/facts", "browser/wasm-fp32/start"} <= set(run.record().names())


def test_without_a_browser_that_is_noted_and_nothing_else(
    toy_kit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVELAB_CHROMIUM", "/nowhere")
    run, _ = opened(tmp_path, toy_kit)
    told = measuring.prepare(run)
    assert told.startswith("Not measured: there is no Chromium here") and "sudo apt-get install chromium" in told
    names = load_record(run.folder).names()
    assert "browser/absent" in names and "browser/facts" not in names
    assert results.absent(run.record()).startswith("there is no Chromium here")
    # A replay says the same, also where there is a browser.
    monkeypatch.delenv("SERVELAB_CHROMIUM")
    assert measuring.prepare(opened(tmp_path, toy_kit, mode="replay")[0]) == told


def test_without_onnxruntime_web_the_remedy_is_told(
    toy_kit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, material = opened(tmp_path, toy_kit)
    monkeypatch.setenv("SERVELAB_CACHE", str(tmp_path / "empty"))
    with pytest.raises(ToolMissing, match="Onnxruntime-web .* run `make browser`"):
        measuring.resources(material)


def test_a_model_that_the_page_cannot_feed_is_absent_with_the_reason(tmp_path: Path, toy_kit: Path) -> None:
    import shutil

    from tests.snippets.servers import save_toy_onnx

    kit = tmp_path / "kit"
    shutil.copytree(toy_kit, kit)
    save_toy_onnx(kit / "dynamic.onnx", side=96)
    (kit / "conservative.onnx").write_bytes(b"half a file")
    _, material = opened(tmp_path / "runs", kit)
    assert list(material.models) == ["fp32"] and material.classes == {"fp32": 11}
    assert "takes tensor(float) ['N', 3, 96, 96]" in material.absent["dynamic"]
    assert "cannot be loaded" in material.absent["conservative"]


def test_facts_of_the_tests_are_what_a_page_tells() -> None:
    """The tabs of these tests say the same of themselves as the page does."""
    source = (measuring.STATIC / "page.js").read_text()
    told = source[source.index("const facts = {") : source.rindex("tell(facts)")]
    assert all(name in told for name in FACTS)
