"""The ladder of products, measured in turn: rungs from Python's loops to the library, two of them the student's own.

steps = Ladder(run, own, side, threads, rules)
steps.turns.take_all(rounds)     # steps kernel/turns-1, ... and then kernel/naive/latency, kernel/order/latency, ...
steps.rates()                    # GFLOP/s by rung
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from snippets import stats
from snippets.engine.turns import Entrant, Turns
from snippets.kernel import products
from snippets.kernel.compiled import absence, compiled, matrices, numbers_at_once
from snippets.kernel.trial import tried
from snippets.measure import blocks, peak
from snippets.measure.calls import Call
from snippets.stats import Estimate

if TYPE_CHECKING:
    from snippets.record.run import Run

GROUP = "kernel"
WRITTEN = "kernel/written"
# Steps are at most this many: the plain loops of Python are timed on smaller matrices, for they take so long.
PYTHON_SIDE = 64
TILE = 64
"""Rows and columns of a tile: its 16 kB of float32 numbers fit into the first cache of any processor of today."""
SIDES = {"quick": 480, "full": 960}
RULES = {
    "quick": blocks.Rules(calls=12, unmeasured=2, block_ms=120.0),
    "full": blocks.Rules(block_ms=400.0, patience_s=3.0),
}
LOOPS: dict[str, tuple[str, Callable[..., Any], tuple[int, ...]]] = {
    "naive": ("kernel/naive", products.naive, ()),
    "loop order": ("kernel/order", products.by_rows, ()),
    "tiles": ("kernel/tiles", products.in_tiles, (TILE,)),
    "registers": ("kernel/registers", products.in_registers, ()),
}
"""Rungs that are compiled: the beginning of their steps, the kit's loops, and what they take beside the matrices."""
THREADED = "all threads"
ALL_OF_THEM = ("Python", *LOOPS, THREADED, "library", "library, all threads", "int8, all threads")
WHOSE = {"you": "yours", "the kit": "the kit's version"}


class Own(Protocol):
    """A function that a student wrote, its source, and the text that defines it with all that it calls."""

    @property
    def function(self) -> Callable[..., Any]:
        """The function."""

    @property
    def source(self) -> str:
        """Its text."""

    @property
    def text(self) -> str:
        """What defines it in another process: the imports and functions that it may call, and itself."""


@dataclass(frozen=True)
class Ladder:
    """The rungs on square matrices of `side`. `own`: a student's products by rung ("loop order", "tiles"), or None."""

    run: Run
    own: Mapping[str, Own | None]
    side: int
    threads: int
    rules: blocks.Rules
    _compiled: dict[str, Callable[..., Any]] = field(default_factory=dict)

    @cached_property
    def written(self) -> dict[str, dict[str, str]]:
        """Whose product each rung takes that a student may write, by rung: `by` ("you" or "the kit"), `why` in words
        where a student's is not taken, `source`. The step kernel/written; a replay takes what is recorded."""
        if self.run.mode == "replay" and self.run.has(WRITTEN):
            return self.run.record().result(WRITTEN)
        sources = {rung: one.source if one else "" for rung, one in self.own.items()}
        return self.run.step(WRITTEN, self._examined, inputs={"sources": sources})

    @cached_property
    def missing(self) -> str:
        """Why the compiled rungs are left out, in words; empty where they are measured."""
        names = () if self.run.mode == "fresh" else self.run.record().names()
        if "kernel/naive/latency" in names:
            return ""
        if self.run.mode == "replay" and "kernel/naive/absent" in names:
            return str(self.run.record().result("kernel/naive/absent")["reason"])
        reason = absence()
        if reason:
            for step in [step for step, *_ in LOOPS.values()] + ["kernel/threads"]:
                self.run.step(f"{step}/absent", lambda: {"reason": reason}, inputs={"reason": reason})
        return reason

    def label(self, rung: str) -> str:
        """The rung as charts name it: with "yours" where the student's product is the one that is measured."""
        taken = self.written.get(rung, {}).get("by") == "you" and not self.missing
        return f"{rung}, yours" if taken else rung

    @cached_property
    def turns(self) -> Turns:
        """The rungs' turns, by their labels; loops are compiled when the first round is measured."""
        entrants = {"Python": self._entrant("Python", "kernel/python", self._python, side=PYTHON_SIDE)}
        if not self.missing:
            for rung, (step, _, _) in LOOPS.items():
                entrants[self.label(rung)] = self._entrant(rung, step, partial(self._loops, rung))
            if self.threads > 1:
                entrants[THREADED] = self._entrant(THREADED, "kernel/threads", self._threaded, threads=self.threads)
        entrants["library"] = self._entrant("library", "kernel/library", partial(self._library, 1))
        for name, step, small in (
            ("library, all threads", "kernel/library-threads", False),
            ("int8, all threads", "kernel/int8", True),
        ):
            if self.threads > 1 or small:
                load = partial(self._library, self.threads, small)
                entrants[name] = self._entrant(name, step, load, threads=self.threads)
        return Turns(self.run, GROUP, entrants, self.rules)

    def compared(self) -> list[tuple[str, str]]:
        """Pairs of rungs of one size, lower and higher, by their labels, whose times may be compared."""
        here = [name for name in self.turns.entrants if name != "Python" and not name.startswith("int8")]
        tiles = self.label("tiles")
        before = dict(zip(here[1:], here[:-1], strict=True))
        if tiles in here:  # registers go on from the loop order, and so does whoever finds tiles no gain
            before["registers"] = self.label("loop order")
        if "library" in here and "registers" in here:
            before["library"] = "registers"
        return [(lower, higher) for higher, lower in before.items()]

    def rates(self) -> dict[str, Estimate]:
        """GFLOP/s of each rung, lowest first, by its label: a multiplication with its addition is two operations."""
        found, rungs = self.turns.latencies(), self.rungs
        return {name: stats.scaled(found[name].images_per_s(), one["flop"] / 1e9) for name, one in rungs.items()}

    @property
    def rungs(self) -> dict[str, dict[str, Any]]:
        """By label, lowest first: `step`, where the rung's times are, and `flop`, operations of one product. The step
        kernel/rungs."""
        found = {
            name: {"step": f"{one.step}/{one.what}", "flop": self.flop(name)}
            for name, one in self.turns.entrants.items()
        }
        return self.run.step("kernel/rungs", lambda: found, inputs=found)

    def flop(self, label: str) -> float:
        """Operations of one product of the rung."""
        return 2.0 * (PYTHON_SIDE if label == "Python" else self.side) ** 3

    def vectors(self) -> dict[str, int]:
        """Numbers that one multiplication of each compiled rung takes, by label; the step kernel/code has them by
        `naive`, `order`, `tiles`, `registers`."""
        found = self.run.step("kernel/code", self._code, inputs={"written": self.written}) if not self.missing else {}
        return {self.label(rung): found[step.split("/")[1]] for rung, (step, *_) in LOOPS.items() if found}

    def whose(self) -> str:
        """In words, a line for each rung that a student may write: whose product it takes, and why not theirs."""
        lines = []
        for rung, one in self.written.items():
            reason = f", because yours was not taken: {one['why']}" if one["why"] else ""
            lines.append(f"{rung}: {WHOSE[one['by']]}{reason}")
        return "\n".join(lines)

    def _entrant(self, rung: str, step: str, load: Callable[[], Call], *, threads: int = 1, side: int = 0) -> Entrant:
        source = self.written.get(rung, {}).get("source", "")
        inputs = {"rung": rung, "side": side or self.side, "source": source}
        return Entrant(step, load, "cpu", threads, inputs)

    def _examined(self) -> dict[str, dict[str, str]]:
        found = {}
        for rung, one in self.own.items():
            why = self._wrong(rung, one) if one is not None and not absence() else ""
            yours = one is not None and not why
            found[rung] = {
                "by": "you" if yours else "the kit",
                "why": why,
                "source": one.source if one is not None and yours else "",
            }
        return found

    def _wrong(self, rung: str, own: Own) -> str:
        return tried(own.text, own.function.__name__, side=self.side, tile=LOOPS[rung][2])

    def _function(self, rung: str) -> Callable[..., Any]:
        """The compiled loops of a rung, made once."""
        if rung not in self._compiled:
            own = self.own.get(rung)
            yours = own is not None and self.written[rung]["by"] == "you"
            self._compiled[rung] = compiled(own.function if own is not None and yours else LOOPS[rung][1])
        return self._compiled[rung]

    def _loops(self, rung: str) -> Call:
        function, more = self._function(rung), LOOPS[rung][2]
        a, b, c = matrices(self.side)
        return lambda: function(a, b, c, *more)

    def _threaded(self) -> Call:
        function = self._function("registers")
        a, b, c = matrices(self.side)
        # Each thread takes some rows of a and the same rows of c; all read the whole of b.
        ends = np.linspace(0, self.side // products.ROWS, self.threads + 1).astype(int) * products.ROWS
        parts = [(a[start:end], b, c[start:end]) for start, end in zip(ends[:-1], ends[1:], strict=True)]
        pool = ThreadPoolExecutor(self.threads)
        return lambda: list(pool.map(lambda part: function(*part), parts))

    def _python(self) -> Call:
        a, b, c = (matrix.tolist() for matrix in matrices(PYTHON_SIDE))
        return lambda: products.naive(a, b, c)

    def _library(self, threads: int, small: bool = False) -> Call:
        a, b, _ = matrices(self.side)
        if small:
            a, b = (a * 255).astype(np.uint8), (b * 255 - 128).astype(np.int8)
        multiply = peak.product(b, threads)
        return lambda: multiply(a)

    def _code(self) -> dict[str, int]:
        found = {}
        for rung, (step, _, more) in LOOPS.items():
            function = self._function(rung)
            function(*matrices(products.ROWS), *more)
            found[step.split("/")[1]] = numbers_at_once(function)
        return found
