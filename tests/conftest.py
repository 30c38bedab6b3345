"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shell that runs the tests in the background ignores Ctrl-C for all that it starts; the tests of Ctrl-C need it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples every time, and however slow the machine is.
settings.register_profile(
    "kit", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("kit")

# The tests are the kit's: what a course has of its own in this checkout has no say in them.
os.environ["SERVELAB_OWN"] = str(Path(__file__).resolve().parent / "no-course")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's top folder."""
    return ROOT


@pytest.fixture(autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test's runs and lease journal away from the user's own."""
    base = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("SERVELAB_RUNS", str(base / "runs"))
    monkeypatch.setenv("SERVELAB_STATE", str(base / "journal"))
    monkeypatch.setenv("SERVELAB_LOCK", str(base / "measuring.lock"))
