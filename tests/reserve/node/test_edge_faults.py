"""What can go wrong on a device of the edge, where commands and files are requests: said in time, nothing lost."""

from __future__ import annotations

import re

import pytest

from reserve.clock import duration_text
from reserve.desk import runs_folder
from reserve.errors import ConnectionLost, Faulted, Missing, SiteError
from reserve.run.options import RunOptions
from reserve.verbs.down import down
from reserve.verbs.reserve import reserve_block
from reserve.verbs.run import run_on_node
from reserve.verbs.up import up
from snippets.record.run import load_record
from tests.chameleon import Emulator
from tests.reserve.scenario import NOW, next_command

SLOW = RunOptions(params=("pause_s=0.4",))


@pytest.fixture(autouse=True)
def at_the_edge(desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command is a request that may take seconds, and runs are real processes."""
    monkeypatch.setattr("reserve.sites.chameleon.rest.TIMEOUT_S", 45.0)
    monkeypatch.setattr("reserve.sites.chameleon.chi.TIMEOUT_S", 45.0)
    desk.clock.pause_s = 0.05


def ended(desk, chameleon: Emulator) -> None:
    chameleon.faults.off()
    down(next_command(desk), "edge")
    chameleon.assert_empty()
    assert desk.journal.open_entries() == []


PREPARING = [
    ("container-command-slow", 6, {}, None, None),
    ("container-execute-mute", 3, {}, None, None),
    ("container-device-offline", None, {"match": "nproc"}, "no such host", ConnectionLost),
    ("container-stops", 1, {"match": "nproc"}, "does not run any more.*servelab down", Faulted),
    ("container-vanishes", 1, {"match": "nproc"}, "is gone.*reserve again", ConnectionLost),
    ("container-disk-full", None, {}, "disk .* is full.*servelab down", SiteError),
    ("container-upload-breaks", 2, {}, None, None),
    ("container-upload-breaks", None, {}, "Broken pipe", ConnectionLost),
    ("container-piece-lost", 1, {}, None, None),
]


@pytest.mark.parametrize(("fault", "times", "params", "says", "error"), PREPARING, ids=lambda v: str(v)[:30])
def test_a_device_that_cannot_be_prepared_says_why(fault, times, params, says, error, desk, chameleon) -> None:
    reserve_block(desk, "edge", NOW)
    chameleon.faults.on(fault, times=times, **params)
    if says is None:
        up(desk, "edge")
    else:
        with pytest.raises(error) as raised:
            up(desk, "edge")
        assert re.search(says, str(raised.value), re.S), str(raised.value)
    assert chameleon.faults.hits[fault]
    ended(desk, chameleon)


RUNNING = [
    ("container-command-slow", 3, None, None),
    ("container-download-breaks", 2, None, None),
    ("container-archive-damaged", 2, None, None),
    ("container-archive-empty", 4, None, None),
    ("container-download-breaks", None, "files|cannot be followed.*500.*What came home is in", ConnectionLost),
    ("container-archive-empty", None, "cannot be followed.*cannot be read.*until the lease ends", ConnectionLost),
]


@pytest.mark.parametrize(("fault", "times", "says", "error"), RUNNING, ids=lambda v: str(v)[:30])
def test_a_run_comes_home_or_ends_in_a_bounded_time_with_the_reason(fault, times, says, error, desk, chameleon) -> None:
    reserve_block(desk, "edge", NOW)
    opened = up(desk, "edge")
    chameleon.faults.on(fault, times=times)
    began = desk.clock.seconds()
    if says is None:
        home = run_on_node(desk, "edge", SLOW, opened)
        assert len(load_record(home).steps) == 4 and not load_record(home).verify()
    else:
        with pytest.raises(error) as raised:
            run_on_node(desk, "edge", SLOW, opened)
        assert re.search(says, str(raised.value), re.S), str(raised.value)
        assert desk.words.count("connected again") < 6
        assert desk.clock.seconds() - began < 900, duration_text(desk.clock.seconds() - began)
        chameleon.faults.off()
        assert len(load_record(run_on_node(desk, "edge", SLOW)).steps) == 4
    ended(desk, chameleon)


@pytest.mark.parametrize(
    ("fault", "says", "error"),
    [
        ("container-vanishes", "gone from CHI@Edge while edge was running.*servelab up edge", Missing),
        ("container-stops", "does not run any more.*What was synced is kept", Faulted),
    ],
)
def test_a_container_that_goes_mid_run_is_told_and_what_came_home_stays(fault, says, error, desk, chameleon) -> None:
    reserve_block(desk, "edge", NOW)
    opened = up(desk, "edge")
    once: list[None] = []

    def strike(text: str) -> None:
        desk.words.append(text)
        if "v1/latency" in text and not once:
            once.append(chameleon.faults.on(fault, times=1))

    desk.voice = strike
    with pytest.raises(error, match=says):
        run_on_node(desk, "edge", SLOW, opened)
    record = load_record(runs_folder() / "edge" / "quick")
    assert len(record.steps) >= 2 and not record.verify()
    ended(desk, chameleon)
