"""Resident memory grows with what a process holds, and is not invented for a process that is gone."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from snippets.machine.memory import resident_mb

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the memory of a process by number")


def test_what_is_held_is_counted_in_megabytes(root: Path) -> None:
    program = (
        "from snippets.machine.memory import resident_mb\n"
        "before = resident_mb(); held = b'x' * 50_000_000; print(resident_mb() - before)"
    )  # in a process of its own: this one may give memory back at any time
    ended = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60)
    assert 45 < float(ended.stdout) < 80, ended.stderr


def test_a_process_is_counted_by_its_number_as_by_itself() -> None:
    assert resident_mb(os.getpid()) == pytest.approx(resident_mb(), rel=0.1)


def test_a_process_that_does_not_exist_has_no_memory_to_tell() -> None:
    assert math.isnan(resident_mb(2**22 + 1))
