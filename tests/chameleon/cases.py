"""What each fault must do, a function for one or several faults; test_faults.py runs them."""

from __future__ import annotations

from collections.abc import Callable

import asyncssh
import requests

from .emulator import Emulator
from .faults import TABLE
from .student import Student

SHORT_S = 0.4
Case = Callable[[Emulator, Student], None]
CASES: dict[str, Case] = {}
BROKEN = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)
LOST = (asyncssh.Error, OSError, TimeoutError)


def case(*names: str) -> Callable[[Case], Case]:
    """Register a function as what shows that these faults do as their rows say."""

    def keep(function: Case) -> Case:
        CASES.update(dict.fromkeys(names, function))
        return function

    return keep


def striking(emulator: Emulator) -> str:
    """The name of the fault that is on."""
    return next(name for name in TABLE if emulator.faults.is_on(name))
