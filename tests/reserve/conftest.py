"""A student's desk at the emulated Chameleon, and a small kit to send to its nodes."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from reserve.clock import Clock
from reserve.desk import Desk
from reserve.journal import Journal
from reserve.sites.chameleon import chi as chi_side
from reserve.sites.chameleon import rest
from tests.chameleon import Emulator
from tests.chameleon.fixtures import chameleon  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]


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


PARAMETERS = """\
profile: str = "quick"  # quick or full
runs: str = ""  # folder of run records
run_id: str = "mine"  # name of the run's folder
mode: str = "resume"  # resume, fresh or replay
pause_s: float = 0.0  # seconds that each step takes
"""
STEPS = """\
import time
import numpy as np
from snippets.record.run import open_run
run = open_run("{part}", notebook="1_small", runs=runs, run_id=run_id, profile=profile, mode=mode)
def measure(seed):
    time.sleep(pause_s)
    return {{"latency_ms": np.random.default_rng(seed).random(20), "batch": 1, "threads": 1, "provider": "cpu"}}
"""


STAND_IN_DATA = '''"""Stands in for the data sets, which take a minute to make."""
from types import SimpleNamespace
SPLITS = Dataset = None
def dataset(name, cache=None):
    return SimpleNamespace(fingerprint=f"stands in for {name}")
'''


@pytest.fixture(scope="session")
def small_kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with all of the kit's code and, for each part, one notebook of four quick steps."""
    kit = tmp_path_factory.mktemp("kit") / "kit"
    skip = shutil.ignore_patterns("__pycache__", "weights", "fonts", "*.ttf", "*.ipynb")
    for room in ("snippets", "reserve", "grading"):
        shutil.copytree(ROOT / room, kit / room, ignore=skip)
    for name in ("servelab.py", "pyproject.toml", "constraints.txt", "environment.yml"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, kit / name)
    (kit / "snippets" / "data" / "datasets.py").write_text(STAND_IN_DATA)
    for part in ("model", "edge", "system"):
        (kit / "notebooks" / part).mkdir(parents=True)
        cells = [nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})]
        cells.append(nbformat.v4.new_code_cell(STEPS.format(part=part)))
        for number in range(4):
            cells.append(nbformat.v4.new_code_cell(f'run.step("1_small/v{number}/latency", measure, {number})'))
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(
            nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}),
            kit / "notebooks" / part / "1_small.ipynb",
        )
    return kit


@pytest.fixture(scope="session")
def node_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data sets of all emulated nodes: made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def emulator(node_cache: Path) -> Iterator[Emulator]:
    """An emulated Chameleon whose nodes find this environment's Python, so that nothing is downloaded."""
    env = {"SERVELAB_NODE_PYTHON": sys.executable, "SERVELAB_CACHE": str(node_cache)}
    with Emulator(node_env=env) as running:
        yield running


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is silent for 3 s will not answer in a test."""
    monkeypatch.setattr(rest, "TIMEOUT_S", 3.0)
    monkeypatch.setattr(chi_side, "TIMEOUT_S", 3.0)


def _voice(words: list[str]) -> Callable[[str], None]:
    """Keeps what is said; with SERVELAB_TEST_TALK also prints it, with the time."""
    if not os.environ.get("SERVELAB_TEST_TALK"):
        return words.append

    def say(text: str) -> None:
        words.append(text)
        print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

    return say


@pytest.fixture
def desk(chameleon: Emulator, small_kit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:  # noqa: F811
    """What a verb works with, at the emulator; its words are in `desk.words`."""
    monkeypatch.setenv("SERVELAB_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("HOME", str(tmp_path / "laptop"))
    (tmp_path / "laptop").mkdir()
    clock = EmulatedClock(chameleon)
    words: list[str] = []
    made = Desk(journal=Journal(tmp_path / "state", clock), clock=clock, voice=_voice(words), kit=small_kit)
    made.words = words  # type: ignore[attr-defined]
    return made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Desk:
    """A desk for this machine as a site: no emulator, nothing to wait for; its words are in `here.words`."""
    monkeypatch.setenv("SERVELAB_RUNS", str(tmp_path / "runs"))
    words: list[str] = []
    made = Desk(journal=Journal(tmp_path / "state"), voice=words.append, kit=root)
    made.words = words  # type: ignore[attr-defined]
    return made
