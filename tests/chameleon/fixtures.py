"""Pytest fixtures: `from tests.chameleon.fixtures import *` in a conftest, or name them one by one."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .emulator import Emulator

__all__ = ["chameleon", "emulator", "upstream_emulator"]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """A fresh emulated Chameleon, with the delays of its services cut to milliseconds."""
    with Emulator() as running:
        yield running


@pytest.fixture
def upstream_emulator() -> Iterator[Emulator]:
    """The same with Blazar answering as upstream 18 does."""
    with Emulator(branch="upstream") as running:
        yield running


@pytest.fixture
def chameleon(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The emulator with its credentials in the environment, and no others."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    for name, value in emulator.env().items():
        monkeypatch.setenv(name, value)
    return emulator
