"""`servelab collect --pull`: every run of a part home and verified, over a connection that breaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve.errors import ConnectionLost, Missing, SiteError
from reserve.lease.wishes import LeaseWishes
from reserve.node.boot import ensure_node
from reserve.verbs import pull as module
from reserve.verbs.pull import PulledRun, pull_part, pull_parts
from reserve.verbs.reserve import reserve_block
from snippets.record.run import open_run


@pytest.fixture
def node(here) -> Path:
    """The home of a node of part `model` that is up."""
    lease = reserve_block(here, "model", LeaseWishes("ab123", site="local"))
    hardware = here.hardware_of(here.journal.lease_for_command("model"))
    opened = here.site("local").open(ensure_node(here, lease, hardware, "node-serve-model-ab123"))
    here.words.clear()
    return Path(opened.home)


def measured(node: Path, run_id: str, steps: int) -> None:
    run = open_run("model", notebook="n", runs=str(node / "servelab-runs"), run_id=run_id)
    for number in range(steps):
        run.step(f"n/v{number}/latency", lambda: 1)


def test_every_run_comes_home_and_is_counted(here, node, tmp_path) -> None:
    measured(node, "full", 2)
    measured(node, "quick", 1)
    full, quick = pull_part(here, "model", tmp_path / "home")
    assert (full.folder, full.steps, quick.steps) == (tmp_path / "home" / "model" / "full", 2, 1)
    assert full.files > 0 and pull_part(here, "model", tmp_path / "home")[0] == PulledRun(full.folder, 0, 2)


def test_what_came_is_said(here, node) -> None:
    measured(node, "quick", 1)
    pull_parts(here, ["model"])
    assert here.words[-1].startswith("pulled ") and here.words[-1].endswith(" files, 1 steps")


def test_a_broken_connection_is_tried_three_times(here, node, monkeypatch) -> None:
    measured(node, "quick", 1)
    real, tries = module.pull, []

    def breaks(machine, folder, home):
        tries.append(folder)
        if len(tries) < 3:
            raise ConnectionLost("broke")
        return real(machine, folder, home)

    monkeypatch.setattr(module, "pull", breaks)
    assert pull_part(here, "model")[0].steps == 1 and tries == ["servelab-runs/model/quick"] * 3

    def always(machine, folder, home):
        raise ConnectionLost("broke")

    monkeypatch.setattr(module, "pull", always)
    with pytest.raises(ConnectionLost, match="broke"):
        pull_part(here, "model")


def test_a_node_without_a_run_and_no_node_are_told(here, node) -> None:
    with pytest.raises(SiteError, match="no run of model on node-serve-model-ab123 yet.*`servelab run model"):
        pull_part(here, "model")
    here.site("local").delete(here.site("local").inventory()[-1])
    with pytest.raises(Missing, match="servelab up model"):
        pull_part(here, "model")
