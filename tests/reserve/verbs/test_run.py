"""`servelab run`: here, over a grid, or on a node; and the same words for the job there."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from reserve.lease.wishes import LeaseWishes
from reserve.run.grid import Workers
from reserve.run.options import DEFAULTS, RunOptions
from reserve.verbs import run as module
from reserve.verbs.reserve import reserve_block
from reserve.verbs.run import Place, Reporting, job_for, run_at, run_lab
from snippets.errors import UsageError


@dataclass(frozen=True)
class Done:
    folder: Path
    seconds: float = 12.4
    measured: int = 3
    replayed: int = 2


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """What was called, in order; nothing runs."""
    called: list[object] = []

    def run_parts(part, options, say):
        called.append((part, options))
        parts = ("model", "edge") if part == "all" else (part,)
        return [Done(tmp_path / "runs" / each / "quick") for each in parts]

    monkeypatch.setattr(module, "run_parts", run_parts)
    return called


def reporting(calls: list[object]) -> Reporting:
    def write_report(folders, out):
        calls.append(out)
        return out or folders[0] / "report.html"

    return Reporting(lambda: calls.append("forked"), lambda folder: f"tables of {folder.parent.name}", write_report)


def test_here_kernels_are_forked_then_tables_folders_and_one_report_are_told(calls, tmp_path) -> None:
    said: list[str] = []
    run_lab("model", DEFAULTS, Place(), reporting(calls), said.append)
    folder = tmp_path / "runs" / "model" / "quick"
    assert calls == ["forked", ("model", DEFAULTS), None]
    assert said == [
        "\ntables of model",
        "",
        f"Run folder: {folder} (12 s, 3 steps measured, 2 replayed)",
        f"Report:     {folder / 'report.html'}",
    ]


def test_the_report_of_several_parts_is_beside_them(calls, tmp_path) -> None:
    said: list[str] = []
    run_lab("all", DEFAULTS, Place(), reporting(calls), said.append)
    assert calls[-1] == tmp_path / "runs" / "report.html" and said[-1].endswith("/runs/report.html")


def test_a_grid_hands_every_combination_to_its_workers(calls, tmp_path, monkeypatch) -> None:
    handed = []
    monkeypatch.setattr(module, "run_grid", lambda *args: handed.append(args) or "the report")
    said: list[str] = []
    place = Place(grids=("threads=1,2",), workers=Workers(2))
    run_lab("model", RunOptions(params=("images=4",), runs=tmp_path), place, reporting(calls), said.append)
    ((points, _, _, workers, _),) = handed
    assert [(point.run_id, point.own_options.params) for point in points] == [
        ("quick-images-4-threads-1", ("images=4", "threads=1")),
        ("quick-images-4-threads-2", ("images=4", "threads=2")),
    ]
    assert workers.count == 2 and said == ["the report"] and calls == []


def test_at_a_site_every_part_runs_on_its_own_node(calls, monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(module, "Desk", lambda: "desk")
    monkeypatch.setattr(module, "run_at", lambda *args: asked.append(args) or Path("runs") / args[2])
    said: list[str] = []
    run_lab("all", DEFAULTS, Place("chameleon"), reporting(calls), said.append)
    assert [(site, part) for _, site, part, _ in asked] == [("chameleon", p) for p in ("model", "edge", "system")]
    assert said == ["runs/model", "runs/edge", "runs/system"] and calls == []


def test_the_site_must_be_the_leases(here) -> None:
    with pytest.raises(UsageError, match="--site is chameleon, local, or .*not 'moon'"):
        run_at(here, "moon", "model", DEFAULTS)
    reserve_block(here, "model", LeaseWishes("ab123", site="local"))
    with pytest.raises(UsageError, match="the lease of model is at local, not CHI@UC"):
        run_at(here, "CHI@UC", "model", DEFAULTS)


def test_a_job_is_the_command_with_all_its_options() -> None:
    options = RunOptions("full", ("a=1", "b=x y"), Path("/here"), "mine", "fresh", 90.5)
    job = job_for("edge", options)
    assert " ".join(job.words) == ("run edge --profile full --run-id mine --mode fresh --timeout 90.5 -p a=1 -p b=x y")
    assert job.run_folder == "servelab-runs/edge/mine"
    assert job_for("edge", DEFAULTS).run_id == "quick"
    assert "--order 3,1,2" in " ".join(job_for("edge", RunOptions(order="3,1,2")).words)


@pytest.mark.parametrize("name", ["a b", "../x", "a;b", ""])
def test_a_runs_name_is_that_of_a_folder(name: str) -> None:
    with pytest.raises(UsageError, match="letters, digits"):
        job_for("edge", RunOptions(profile="", run_id=name))


def test_a_file_of_predictions_is_sent_to_the_node_and_named_to_the_run_there(tmp_path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("model.baseline.eager = [5, 20]\n")
    sent: dict[str, bytes] = {}

    class Node:
        home = "/home/cc"

        def push(self, archive: bytes, folder: str) -> None:
            sent[folder] = archive

    options = RunOptions(predictions=file)
    job = module.with_predictions(job_for("model", options), Node(), file)  # type: ignore[arg-type]
    assert job.words[-2:] == ("--predictions", "/home/cc/servelab-predictions/model.toml")
    assert "--predictions" not in job_for("model", options).words, "a path of this machine says nothing there"
    with tarfile.open(fileobj=io.BytesIO(sent["servelab-predictions"])) as tar:
        content = tar.extractfile("model.toml")
        assert content is not None and content.read() == file.read_bytes()
