"""A student's function is called in a process of its own: its answer comes back, and nothing else that it does."""

from __future__ import annotations

import sys

import pytest

from grading.questions import own_process
from grading.questions.own_process import Failed, call


def answer(body: str, *arguments: object, limit_s: float = 20.0, world: str = "") -> object:
    lines = body.replace("\n", "\n    ")
    return call(f"import math\n\n\ndef f(*given):\n    {lines}\n", "f", arguments, limit_s=limit_s, world=world)


def test_the_answer_comes_back_as_json_holds_it() -> None:
    assert answer("return given[0], [None, 'a', math.inf]", [1, 2.5]) == [[1, 2.5], [None, "a", float("inf")]]
    assert answer("print('words'); return given[0][::-1]", list(range(200_000)))[0] == 199_999  # type: ignore[index]


def test_a_function_of_a_world_is_called_in_it() -> None:
    assert (
        answer("send, time, n = given\nfor _ in range(n): send()\nreturn time.time()", [0.5], 4, world="server") == 1002
    )


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("raise KeyError('a\\nb')", "KeyError: "),
        ("return {1}", "TypeError: Object of type set is not JSON serializable"),
        ("import os; os._exit(0)", "it ended its process"),
        ("import numpy", "ModuleNotFoundError: No module named 'numpy'"),
    ],
)
def test_what_goes_wrong_is_told(body: str, told: str) -> None:
    with pytest.raises(Failed) as failed:
        answer(body)
    assert str(failed.value).startswith(told)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import itertools; return sum(itertools.count())",
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)); import time; time.sleep(99)",
    ],
)
def test_whatever_never_ends_is_ended(body: str) -> None:
    with pytest.raises(Failed, match=r"it did not end within 0\.6 s"):
        answer(body, limit_s=0.6)


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of memory holds on Linux")
def test_what_takes_all_memory_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_process, "MEMORY_BYTES", 300 << 20)
    with pytest.raises(Failed, match="MemoryError"):
        answer("return [0] * 10**12")
