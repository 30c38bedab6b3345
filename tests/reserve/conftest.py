"""A student at the emulated Chameleon, and one at whatever OpenStack the OS_* variables name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reserve.chameleon_site import ChameleonSite
from reserve.clock import Clock
from reserve.journal import Journal
from tests.chameleon import Emulator
from tests.chameleon.fixtures import chameleon, emulator  # noqa: F401
from tests.reserve.scenario import Student


class EmulatedClock(Clock):
    """The emulator's time: a wait moves it forward at once, and leaves real processes a moment."""

    def __init__(self, emulator: Emulator, pause_s: float = 0.002) -> None:  # noqa: F811
        self.emulator, self.pause_s = emulator, pause_s

    def now(self) -> datetime:
        return self.emulator.clock.now().replace(tzinfo=UTC)

    def seconds(self) -> float:
        return self.emulator.clock.now().replace(tzinfo=UTC).timestamp()

    def sleep(self, seconds: float) -> None:
        self.emulator.clock.advance(seconds=seconds)
        super().sleep(self.pause_s)


@pytest.fixture
def student(chameleon: Emulator, tmp_path: Path) -> Callable[[str], Student]:  # noqa: F811
    """`student("CHI@TACC")`: signs in at the emulator, keeps a journal of its own."""
    clock = EmulatedClock(chameleon)

    def at(site: str = "CHI@TACC") -> Student:
        journal = Journal(tmp_path / "state", clock)
        return Student(ChameleonSite(site, journal, clock), journal, clock)

    return at
