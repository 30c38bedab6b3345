"""What to ask of the functions that a student wrote: a call small enough for pencil and paper, on their own text."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping
from typing import Any

from grading.checks.evidence import Evidence
from grading.functions import worlds
from grading.functions.tasks import tasks
from grading.questions.writing import FILE, Definition, is_stub
from grading.staff.judges.functions import MAKERS
from grading.staff.viva.oral import Oral, Template

MOST_BYTES = 200_000
CALLS: Mapping[str, tuple[list[Any], str, str]] = {
    "percentile": ([[10.0, 40.0, 20.0], 25], "", "Why may the list not be sorted in its place?"),
    "block_interval": ([[2.0, 8.0], 1.0, 1.0], "", "Why on logarithms?"),
    "paired_comparison": (
        [[2.0, 2.0], [4.0, 4.0], 1.0, 0.02],
        "",
        "What does it protect against that two medians do not?",
    ),
    "break_even": ([90.0, 20.0, 11.0], "", "What does it give where the fast one is not faster?"),
    "cost_per_million": ([500.0, 1.8, 0.5], "", "What does the price not contain?"),
    "multiply_by_rows": ([[[1, 2]], [[3], [4]], [[5]]], "", "Which of its loops does the cache like, and why?"),
    "multiply_in_tiles": ([[[1, 2]], [[3], [4]], [[5]], 1], "", "When does the next tile begin?"),
    "scale_and_zero_point": ([-1.0, 1.55], "", "Why must 0 be one of the steps?"),
    "quantize": ([[-1.0, 0.1, 9.0], 0.2, 3, 0, 15], "", "Which of these numbers does not come back, and why?"),
    "int8_matmul": ([[[4]], [[5]], 1, [2]], "", "Why does the sum need 32 bits?"),
    "float_layers": ([[0.4, 0.3, 0.1], [400, 100, 50], 0.45], "", "Why not simply the worst layer first?"),
    "crossover_ms": ([9.0, 14.0], "", "What would a negative number mean?"),
    "closed_loop": (
        [[0.5, 1.0], 2.0],
        "answers that take 0.5 s and 1 s, over and over, for 2 seconds",
        "What does it not see while it waits for a slow answer?",
    ),
    "poisson_arrivals": ([2.0, 10.0, [0.0, 0.5]], "", "Where would evenly spaced arrivals mislead you?"),
    "open_loop": (
        [[0.5], [0.0, 0.25, 2.0]],
        "answers that take 0.5 s, and requests due at 0, 0.25 and 2 seconds",
        "From which moment does the second one's latency count, and why?",
    ),
    "micro_batches": ([[0.0, 1.0, 3.0, 4.0], 8, 2.0], "", "Who waits longest, and for whom?"),
    "batcher": (
        [{"arrivals_s": [0.0, 0.001, 0.004], "batch_s": 0.01, "request_s": 0.0}, 2, 0.005],
        "at most 2 requests and 5 ms, requests 0, 1 and 2 that come at 0, 1 and 4 ms, and 10 ms for any batch; each "
        "batch as the moment in seconds when `answer` is called, and its requests",
        "Where in it does a request wait, and for what?",
    ),
}
"""A call of each coding question, the call in words where its world has other arguments, and what to ask next."""


def _written(evidence: Evidence) -> Iterator[tuple[str]]:
    """Functions of the part in the record's functions.py that have a body."""
    path = evidence.record.folder / FILE
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
        return
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, Definition) and not is_stub(ast.unparse(node))}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    yield from ((task.name,) for task in tasks() if task.part == evidence.record.part and task.name in there)


def _by_hand(evidence: Evidence, name: str) -> Oral:
    asked = next(task for task in tasks() if task.name == name)
    arguments, told, then = CALLS[name]
    expected = worlds.call(asked.world, MAKERS[name][0], copy.deepcopy(arguments))
    call = told or ", ".join(map(repr, arguments))
    values = list(_flat(expected))
    return Oral(
        f"Your {name}, by hand, on its text: what does it give for {call}? Show which line does what.",
        f"{expected!r}.",
        tuple(float(value) for value in values if not isinstance(value, str)),
        tuple(value for value in values if isinstance(value, str)),
        (FILE,),
        then,
    )


def _flat(value: Any) -> Iterator[float | str]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _flat(one)
    elif value is not None:
        yield value


def template(part: str) -> Template:
    """The template of a part's coding questions."""
    return Template(f"{part}.function", _written, _by_hand)
