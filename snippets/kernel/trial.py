"""A product of matrices that somebody wrote, tried before it is measured, in a process of its own that always ends.

    tried(text, "multiply_by_rows", side=480)     # what is wrong with it, in words; empty: nothing

Machine code that never ends cannot be interrupted from Python. So the process sets an alarm on itself, at which the
system ends it, whatever it does; and the sizes that it tries end with those that will be measured.

    python -m snippets.kernel.trial < request.json     # what `tried` starts; a line of JSON for each size, and the end
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from snippets.errors import first_line
from snippets.kernel.compiled import compiled, matrices
from snippets.parts import KIT

# Shapes n, m, p on which a product is held against numpy's: none is a multiple of the tile's size.
SHAPES = ((1, 1, 1), (5, 7, 3), (4, 9, 11), (8, 8, 8))
SMALL_TILE = 4
# More than a tile in each direction, and few enough numbers for Python's loops.
BEYOND_A_TILE = (66, 67, 70)
TRIAL_S = 10.0
"""What one size may take, compiling included."""
START_S = 60.0
"""What it may take beyond that until the process has loaded numpy and numba."""
CLOSE = 1e-4


@dataclass(frozen=True)
class Trial:
    """One size to try: by Python's loops or `compiled`, on made-up matrices n x m and m x p, in tiles of `size`."""

    shape: tuple[int, int, int]
    compiled: bool
    size: tuple[int, ...]

    @property
    def told(self) -> str:
        """The size in words."""
        n, m, p = self.shape
        return f"for a of {n} x {m} and b of {m} x {p}"


def trials(side: int, tile: Sequence[int] = ()) -> Iterator[Trial]:
    """What is tried, in order, of a product whose square matrices of `side` are to be measured. `tile`: the size of its
    tiles then, if it takes one."""
    small, real = (SMALL_TILE,) * len(tile), tuple(tile)
    # Python's loops first: what never ends there is told in no time, and without a compiler.
    yield from (Trial(shape, False, small) for shape in SHAPES)
    yield Trial(BEYOND_A_TILE, False, real)
    yield from (Trial(shape, True, small) for shape in SHAPES)
    yield from (Trial(shape, True, real) for shape in (BEYOND_A_TILE, (SMALL_TILE,) * 3, (side,) * 3))


def tried(text: str, name: str, *, side: int, tile: Sequence[int] = (), limit_s: float = TRIAL_S) -> str:
    """What is wrong with the product `name` that the Python `text` defines, in words; empty: it agrees with numpy's.

    `side`, `tile`: as `trials`. `limit_s`: what each size may take.
    """
    request = {"text": text, "name": name, "side": side, "tile": list(tile), "limit_s": limit_s}
    command = [sys.executable, "-m", "snippets.kernel.trial"]
    most_s = START_S + limit_s * len(list(trials(side, tile)))
    try:
        done = subprocess.run(
            command, input=json.dumps(request), capture_output=True, text=True, cwd=KIT, timeout=most_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"its trial did not end within {most_s:g} s"
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if lines and "why" in lines[-1]:
        return str(lines[-1]["why"])
    where = lines[-1]["trying"] if lines else "before anything was tried"
    if hasattr(signal, "SIGALRM") and done.returncode == -signal.SIGALRM:
        return f"it did not end within {limit_s:g} s, {where}"
    return f"it ended the process (exit status {done.returncode}), {where}"


def wrong(function: Callable[..., Any], one: Trial) -> str:
    """What is wrong with a product at one size, in words. What Python's loops raise is left to the compiled trial."""
    (n, m, p), chance = one.shape, np.random.default_rng(0)
    if not one.compiled:
        ones = ([[1.0] * columns for _ in range(rows)] for rows, columns in ((n, m), (m, p), (n, p)))
        with suppress(Exception):
            function(*ones, *one.size)
        return ""
    if n == m == p > SHAPES[-1][0]:
        a, b, c = matrices(n)  # the very numbers that are measured
    else:
        a, b, c = (chance.random(shape, dtype=np.float32) for shape in ((n, m), (m, p), (n, p)))
    expected = c + a.astype(np.float64) @ b
    try:
        given = function(a, b, c, *one.size)
    except Exception as error:  # whatever the compiler or the student's code says
        return f"it cannot be compiled and run ({first_line(error)})"
    if given is None:
        return "it returns nothing; it should return c"
    if np.shape(given) != (n, p) or not np.allclose(given, expected, rtol=CLOSE):
        return f"it gives another product than numpy, {one.told}"
    return ""


def main() -> int:
    """Read the request, try size after size, tell each and what was found, and end."""
    request = json.load(sys.stdin)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    quiet = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):  # whatever it prints, it prints to nobody
        os.dup2(quiet, descriptor)

    def say(**told: str) -> None:
        out.write(json.dumps(told) + "\n")
        out.flush()

    space: dict[str, Any] = {"__name__": "functions"}
    exec(compile(request["text"], "functions.py", "exec"), space)
    function = space[request["name"]]
    checked = compiled(function, checked=True)
    for one in trials(request["side"], request["tile"]):
        say(trying=one.told)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, request["limit_s"])
        if why := wrong(checked if one.compiled else function, one):
            say(why=why)
            return 0
    say(why="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
