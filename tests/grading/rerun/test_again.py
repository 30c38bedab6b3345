"""`servelab grade --rerun N`: a remark where relations hold, a doubt where one does not, and never fewer points."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import servelab
from grading.checks.part import check_part
from grading.functions import sandbox
from grading.rerun import again
from grading.rerun.again import Rerun, Shelf, check, rerun, staff_shelf, with_rerun
from grading.rerun.confined import Job, Measured
from grading.rerun.relations import Relation, Variant, judged, relations
from snippets.errors import UsageError
from snippets.files import sha256_file
from tests.grading.rerun.made import HOST, record, tiny_model
from tests.grading.students import hand_in, make_run


def measured(slow: tuple[int, ...] = (), **medians: float) -> Measured:
    """Five rounds in which variant k took `medians["_k"]` ms; in rounds `slow` somebody else used the machine."""
    names = [name.removeprefix("_") for name in medians]
    rng = np.random.default_rng(3)
    return Measured(
        {},
        [
            {
                "round": number,
                "blocks_ms": {n: ms * rng.normal(1, 0.02, 9) for n, ms in zip(names, medians.values(), strict=True)},
                "repeated": {},
                "slow": names if number in slow else [],
            }
            for number in range(1, 6)
        ],
    )


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Staff's models, by name and nearly by size: none is the file that the record measured."""
    for name, size in (("fp32", 9_152_000), ("dynamic", 2_353_000)):
        (tmp_path / f"{name}.onnx").write_bytes(name.encode())
        os.truncate(tmp_path / f"{name}.onnx", size)
    return Shelf.of([tmp_path])


@pytest.fixture
def ratios() -> list[Relation]:
    """Claims: level none takes 2 times as long as all; onnx-all a third of dynamic."""
    return [each for each in relations(record().evidence, HOST) if each.kind == "faster"]


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> Any:
    """Sets what measuring gives, one result for each time that it is asked for, and counts these."""
    monkeypatch.setattr(again, "timed_images", lambda needed: np.zeros((1, 3, 1, 1), dtype=np.float32))

    def give(*results: Measured) -> list[Job]:
        asked: list[Job] = []

        def measure(job: Job, limit_s: float) -> Measured:
            asked.append(job)
            return results[min(len(asked), len(results)) - 1]

        monkeypatch.setattr(again, "measure", measure)
        return asked

    return give


def test_the_kits_own_models_may_stand_in_where_times_are_compared(
    pretend: Any, shelf: Shelf, ratios: list[Relation]
) -> None:
    jobs = pretend(measured(_0=16.0, _1=8.0, _2=24.0))  # a slower machine; the ratios are 2 and 1/3
    assert [each.holds for each in check(ratios, shelf, 60)] == [True, True]
    assert [(each.model.name, each.level, each.threads) for each in jobs[0].timed] == [
        ("fp32.onnx", "none", 2),
        ("fp32.onnx", "all", 2),
        ("dynamic.onnx", "all", 2),
    ]


def test_a_namesake_of_another_size_is_another_model(pretend: Any, shelf: Shelf, ratios: list[Relation]) -> None:
    os.truncate(shelf.by_name["dynamic"], 2_300_000)  # what a search ended with in another kit
    pretend(measured(_0=16.0, _1=8.0))
    first, second = check(ratios, shelf, 60)
    assert (first.holds, second.holds) == (True, None)
    assert "the model dynamic is missing" in second.told and "none of its size" in second.told


def test_a_ratio_that_does_not_hold_is_told_with_both_intervals(
    pretend: Any, shelf: Shelf, ratios: list[Relation]
) -> None:
    pretend(measured(_0=4.0, _1=8.0, _2=24.0))  # here level none is the faster one
    first, second = check(ratios, shelf, 60)
    assert (first.holds, second.holds) == (False, True)
    assert (
        first.told.startswith("graph/onnx-none/latency over graph/onnx-all/latency: 2.0") and "here 0.5" in first.told
    )


def test_while_others_use_the_machine_nothing_is_said_of_times(
    pretend: Any, shelf: Shelf, ratios: list[Relation]
) -> None:
    pretend(measured(slow=(1, 2, 3), _0=4.0, _1=8.0, _2=24.0))
    found = check(ratios, shelf, 60)
    assert [each.holds for each in found] == [None, None] and "this machine was busy" in found[0].told


def test_what_is_not_the_very_file_can_confirm_neither_size_nor_outputs(pretend: Any, shelf: Shelf) -> None:
    jobs = pretend(measured())
    picked = [each for each in relations(record().evidence, HOST) if each.kind in ("size", "outputs")]
    found = check(picked, shelf, 60)
    assert {each.holds for each in found} == {None} and jobs == []
    assert "the model fp32 is missing: it was not handed in, and no run of staff has that very file" in found[0].told


def test_a_model_that_was_handed_in_is_known_by_its_content_alone(tmp_path: Path) -> None:
    root = tmp_path / "submission"
    root.mkdir()
    (root / "fp32.onnx").write_bytes(b"theirs")
    found = Shelf().with_submission(root)
    sha = sha256_file(root / "fp32.onnx")
    assert found.exact(Variant("any", sha, "all", 1)) == root / "fp32.onnx"
    assert found.like(Variant("fp32", "other", "all", 1)) is None  # its name says nothing


def test_a_size_is_that_of_the_very_file(tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    file.write_bytes(b"12345")
    claim = Relation("size", ("a/size",), (Variant("m", sha256_file(file), "all", 1),), 5)
    assert [each.holds for each in check([claim], Shelf.of([tmp_path]), 1)] == [True]


@pytest.mark.skipif(sandbox.level() == "none", reason="nothing here can confine")
def test_outputs_are_computed_again_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    file = tiny_model(tmp_path / "tiny.onnx")  # the last class wins for a bright picture, the first for a dark one
    bright = np.stack([np.full((3, 224, 224), value, dtype=np.float32) for value in (1, -1, 1, -1, 1, -1, 1, -1)])
    monkeypatch.setattr(again, "images_of", lambda each: bright)
    variant = (Variant("tiny", sha256_file(file), "all", 1),)
    right, wrong = dict(zip(range(8), [10, 0] * 4, strict=True)), dict(zip(range(8), [0, 10] * 4, strict=True))
    claims = [Relation("outputs", ("a/accuracy",), variant, claimed) for claimed in (right, wrong)]
    assert [each.holds for each in check(claims, Shelf.of([tmp_path]), 60)] == [True, False]


# --- A submission ---


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A submission of part edge without models."""
    folder = tmp_path_factory.mktemp("rerun")
    return hand_in(make_run(folder / "runs", 61), "ab1", folder / "out", pdf=False).zip


def test_without_models_it_says_so(handed_in: Path) -> None:
    found = rerun(handed_in, 4, Shelf())
    assert found.doubts("edge") == [] and found.told("edge").startswith("not re-measured: ")


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    assert "not re-measured: " in rerun(tmp_path / "a.zip", 4, Shelf()).told("edge")


def test_only_a_ratio_that_fails_twice_fails(
    pretend: Any, shelf: Shelf, ratios: list[Relation], monkeypatch: pytest.MonkeyPatch, handed_in: Path
) -> None:
    monkeypatch.setattr(again, "drawn", lambda runs, count: [("edge", each) for each in ratios])
    wrong, fine = measured(_0=4.0, _1=8.0, _2=24.0), measured(_0=16.0, _1=8.0)
    jobs = pretend(wrong, fine)
    assert rerun(handed_in, 2, shelf).doubts("edge") == []
    assert [len(job.timed) for job in jobs] == [3, 2]  # the second time only the pair that failed
    pretend(wrong, measured(_0=4.0, _1=8.0))
    (doubt,) = rerun(handed_in, 2, shelf).doubts("edge")
    assert doubt.startswith("re-measured, graph/onnx-none/latency over graph/onnx-all/latency: ")


def test_a_relation_that_does_not_hold_lowers_trust_and_costs_no_points(handed_in: Path, tmp_path: Path) -> None:
    part = check_part(make_run(tmp_path, 62))
    assert part.trust == "plausible"
    claim = Relation("size", ("kit/fp32/size",), (Variant("fp32", "", "all", 1),), 100)
    good, bad = (Rerun({"edge": [judged(claim, size)]}) for size in (100, 99))
    doubted = with_rerun(part, bad)
    assert doubted.points == part.points and doubted.trust == "consistent"
    assert doubted.doubts[-1] == "re-measured, kit/fp32/size: 100 bytes, the file has 99"
    kept = with_rerun(part, good)
    assert (kept.trust, kept.doubts) == (part.trust, part.doubts)
    assert kept.remarks[-1] == "re-measured: 1 of 1 relations hold (size 1)"


def test_the_verb_says_what_became_of_it_and_grades_as_before(handed_in: Path, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    tiny_model(tmp_path / "models" / "other.onnx")
    words = ["grade", str(handed_in), "--out", str(tmp_path / "g.csv")]
    before = CliRunner().invoke(servelab.cli, words)
    after = CliRunner().invoke(servelab.cli, [*words, "--rerun", "3", "--models", str(tmp_path / "models")])
    assert after.exit_code == 0, after.output
    assert "(0 now)" in after.output  # what was graded before is not graded again
    line = next(line for line in before.output.splitlines() if line.startswith("ab1: "))
    assert line in after.output and "  edge not re-measured: " in after.output


def test_a_folder_without_models_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no \.onnx file"):
        staff_shelf(tmp_path)
