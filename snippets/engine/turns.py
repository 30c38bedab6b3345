"""Variants that are compared, measured in turn: each round a recorded step, taken between a notebook's other steps.

    turns = Turns(run, "graph", {"none": Entrant("graph/onnx-none", load, "cpu", threads, inputs), ...}, rules)
    turns.take(1)           # step graph/turns-1: a block of each
    ...                     # something else is measured
    turns.take(2)
    turns.latencies()       # by variant, and in the record as the steps graph/onnx-none/latency, ...

Whole batches take turns the same way; their steps are graph/onnx-none/throughput, ...

A run that is interrupted goes on with the round that is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from snippets.measure import blocks, calls
from snippets.measure.canary import Canary, Others
from snippets.measure.latency import Latency, assemble

if TYPE_CHECKING:
    from snippets.record.run import Run

INFIX = "/turns-"
# By profile: rounds of a comparison, and how blocks are taken.
ROUNDS = {"quick": 5, "full": 10}
RULES = {"quick": blocks.Rules(), "full": blocks.Rules(patience_s=3.0)}
# A batch lasts as long as many single images: fewer of them make a block, and what the first one finds cold (some
# megabytes of weights) is little against its own time, so that it counts.
BATCH_RULES = {
    "quick": blocks.Rules(calls=4, calls_min=1, unmeasured=0, block_ms=120.0, patience_s=0.3),
    "full": blocks.Rules(calls=6, calls_min=2, unmeasured=0, block_ms=250.0, patience_s=3.0),
}


@dataclass(frozen=True)
class Entrant:
    """One variant that takes turns. `step` begins its step ("graph/onnx-none"); `inputs` decide its results.

    `load` makes the call that is timed: one image or `batch` images, without arguments. It is called when there is
    something to measure. `what` ends its step: "latency" of single images, or "throughput".
    """

    step: str
    load: Callable[[], calls.Call]
    provider: str
    threads: int
    inputs: Mapping[str, Any]
    batch: int = 1
    what: str = "latency"


class Bird(Protocol):
    """What looks at a machine, as a Canary does."""

    def __call__(self) -> float:
        """How long its fixed piece of work took, in ms."""
        ...

    def close(self) -> None:
        """End what it needs."""
        ...


@dataclass
class Turns:
    """The turns of a group's entrants (by the names that charts show), all with one image or all with batches.

    `first`: number of the first round: a group whose entrants come later in the notebook goes on with other rounds.
    `pace`: how far apart rounds are that are measured.
    `canary` and `others` look at the machine that measures, by default this one; `place` names another one.
    """

    run: Run
    group: str
    entrants: Mapping[str, Entrant]
    rules: blocks.Rules
    first: int = 1
    pace: blocks.Pace = field(default_factory=blocks.Pace)
    canary: Callable[[int], Bird] = Canary
    others: Callable[[], Callable[[], float]] = Others
    place: str = ""
    _calls: dict[str, calls.Call] = field(default_factory=dict)
    _taken: dict[int, dict[str, Any]] = field(default_factory=dict)

    def take(self, number: int) -> None:
        """Round `number` (from 1), as the step `<group>/turns-<number>`; numbers go on from `first`."""
        if number in self._taken:
            return
        counted = self.first + number - 1
        self._taken[number] = self.run.step(
            f"{self.group}{INFIX}{counted}",
            self._measure,
            counted,
            inputs={
                "round": counted,
                "rules": self.rules,
                "entrants": {
                    name: {
                        **one.inputs,
                        "provider": one.provider,
                        "threads": one.threads,
                        **({"batch": one.batch} if one.batch > 1 else {}),
                    }
                    for name, one in self.entrants.items()
                },
            },
        )

    def take_all(self, rounds: int) -> None:
        """Rounds 1 to `rounds`; those that were taken already cost nothing."""
        for number in range(1, rounds + 1):
            self.take(number)

    def latencies(self, *before: Turns) -> dict[str, Latency]:
        """What the rounds taken say, by entrant: `results`, read."""
        return {name: Latency.of(step) for name, step in self.results(*before).items()}

    def results(self, *before: Turns) -> dict[str, dict[str, Any]]:
        """The rounds taken, put together, by entrant; each is recorded as its step `<step>/<what>`.

        `before`: turns of the same group taken earlier, whose rounds belong to it too.
        """
        entrants: dict[str, Entrant] = {}
        taken: list[dict[str, Any]] = []
        for one in (*before, self):
            entrants |= one.entrants
            taken += one._taken.values()
        found = {}
        samples = "latency_ms" if all(one.what == "latency" for one in entrants.values()) else "batch_ms"
        for name, together in assemble(taken, self.group, samples).items():
            entrant = entrants[name]
            step = {**together, "batch": entrant.batch, "provider": entrant.provider, "threads": entrant.threads}
            found[name] = self.run.step(f"{entrant.step}/{entrant.what}", dict, step, inputs=step)
        return found

    def _measure(self, number: int) -> dict[str, Any]:
        for name, entrant in self.entrants.items():
            if name not in self._calls:
                self._calls[name] = entrant.load()
                if entrant.batch > 1:
                    self._calls[name]()
                else:
                    calls.warm_up(self._calls[name], calls.effort("quick"))
        threads = max(entrant.threads for entrant in self.entrants.values())
        self.pace.wait()
        canary = self.canary(threads)
        try:
            probes = blocks.Probes(canary, self.others())
            return {
                **blocks.take_round(
                    self._calls, number, self.rules, probes, best_canary_ms(self.run, threads, self.place)
                ),
                "group": self.group,
                "threads": threads,
                **({"place": self.place} if self.place else {}),
            }
        finally:
            canary.close()


def best_canary_ms(run: Run, threads: int, place: str = "") -> float:
    """The canary's best of the run so far, on this machine (or in `place`) and with so many threads; infinite if none
    ran."""
    record = run.record()
    return min(
        (
            step.result["best_canary_ms"]
            for step in record.steps
            if INFIX in step.name
            and step.host == record.host["id"]
            and step.result["threads"] == threads
            and step.result.get("place", "") == place
        ),
        default=float("inf"),
    )
