"""The canary does its work on as many threads as asked; what others take is read from the system's counters."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from snippets.measure.canary import CALLS, Canary, Others


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_canary_does_its_work_once_on_every_thread(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    canary, done = Canary(threads), []
    monkeypatch.setattr(canary, "_work", lambda: done.append(1))
    assert canary() > 0 and len(done) == threads * CALLS
    canary.close()


def test_a_real_canary_takes_some_time() -> None:
    canary = Canary(2)
    assert 0.01 < canary() < 1000
    canary.close()


def stat(path: Path, user: int, idle: int, steal: int = 0) -> Path:
    """The counters of a machine with two processors, in ticks."""
    path.write_text(f"cpu  {user} 0 0 {idle} 0 0 0 {steal} 0 0\ncpu0 1 0 0 1\ncpu1 1 0 0 1\nintr 5\n")
    return path


class Clock:
    """Seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("ticks", "stolen", "own_s", "share"),
    [
        # In a second, two processors have 2 s. Two ticks (one each) may be rounding: 0.02 s are not counted.
        (102, 0, 0.0, 0.5),
        (102, 0, 0.5, 0.25),
        (102, 0, 1.0, 0.0),
        (52, 50, 0.0, 0.5),  # what a hypervisor takes away counts, too
        (1, 0, 0.0, 0.0),
    ],
)
def test_others_have_what_was_busy_less_what_was_ours(
    tmp_path: Path, ticks: int, stolen: int, own_s: float, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: 100)
    now, own = Clock(), Clock()
    others = Others(stat(tmp_path / "stat", 1000, 1000), own, now)
    stat(tmp_path / "stat", 1000 + ticks, 1098, stolen)
    now.now, own.now = 1.0, own_s
    assert others() == pytest.approx(share)


def test_a_system_that_does_not_tell_gives_no_number(tmp_path: Path) -> None:
    assert math.isnan(Others(tmp_path / "absent")())
