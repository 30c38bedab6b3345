"""Resident memory grows with what a process holds, and is not invented for a process that is gone."""

from __future__ import annotations

import math
import os
import sys

import pytest

from snippets.machine.memory import resident_mb

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process by number")


def test_what_is_held_is_counted_in_megabytes() -> None:
    before = resident_mb()
    held = b"x" * 50_000_000
    assert 45 < resident_mb() - before < 80
    assert len(held) == 50_000_000


def test_a_process_is_counted_by_its_number_as_by_itself() -> None:
    assert resident_mb(os.getpid()) == pytest.approx(resident_mb(), rel=0.1)


def test_a_process_that_does_not_exist_has_no_memory_to_tell() -> None:
    assert math.isnan(resident_mb(2**22 + 1))
