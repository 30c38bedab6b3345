"""A product that somebody wrote is tried in a process of its own, up to the size that is measured; it always ends."""

from __future__ import annotations

import inspect
import textwrap

import pytest

from snippets.kernel import products, trial

SIDE = 80
RIGHT = textwrap.dedent(inspect.getsource(products.by_rows))
TILES = textwrap.dedent(inspect.getsource(products.in_tiles))
HEAD = "from typing import Any\n"


def told(body: str, tile: tuple[int, ...] = (), limit_s: float = 10.0, parameters: str = "a, b, c") -> str:
    text = f"{HEAD}def mine({parameters}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
    return trial.tried(text, "mine", side=SIDE, tile=tile, limit_s=limit_s)


LOOPS = """
for i in range(len(a)):
    for k in range(len(b)):
        for j in range(len(b[0])):
            c[i][j] += a[i][k] * b[k][j]
return c
"""


def test_what_is_right_is_said_to_be() -> None:
    assert trial.tried(HEAD + RIGHT, "by_rows", side=SIDE) == ""
    assert trial.tried(HEAD + TILES, "in_tiles", side=SIDE, tile=(64,)) == ""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (LOOPS.replace("len(b))", "len(b) - 1)"), "it gives another product than numpy, for a of 1 x 1 and b of 1 x 1"),
        ("return None", "it returns nothing; it should return c"),
        ("return c[len(c)]", "it cannot be compiled and run ("),
        ("return unknown(a)", "it cannot be compiled and run ("),
        ("return a", "it gives another product"),
        ("raise SystemExit(3)", "it ended the process (exit status 3), for a of 1 x 1 and b of 1 x 1"),
        (
            LOOPS.replace("return c", "return c if len(a) < 71 else a"),
            "it gives another product than numpy, for a of 80 x",
        ),
        (LOOPS.replace("return c", "return c if len(a) < 71 else a[len(a)]"), "it cannot be compiled and run ("),
    ],
)
def test_what_is_wrong_is_told(body: str, why: str) -> None:
    assert told(body).startswith(why)


def test_other_parameters_are_told() -> None:
    assert told("return a", parameters="a, b").startswith("it cannot be compiled and run (")


@pytest.mark.parametrize("shape", [(5, 7, 3), trial.BEYOND_A_TILE, (SIDE,) * 3])
def test_one_that_never_ends_for_some_matrices_is_ended_with_its_process(shape: tuple[int, int, int]) -> None:
    """The last one ends for every size that Python's loops try: it would never end as machine code only."""
    n, m, p = shape
    endless = f"while len(a) == {n} and len(b) == {m}:\n    pass\n{LOOPS}"
    limit_s = 0.3 if n < SIDE else 6.0
    assert (
        told(endless, limit_s=limit_s) == f"it did not end within {limit_s:g} s, for a of {n} x {m} and b of {m} x {p}"
    )


def test_the_size_that_is_measured_is_tried_last_and_with_its_tile() -> None:
    last = list(trial.trials(480, (64,)))[-1]
    assert last == trial.Trial((480, 480, 480), True, (64,))
