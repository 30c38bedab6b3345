"""The variants of Part 1, each measured the same way: latency and throughput (in turns), accuracy, size.

Steps are named `<notebook>/<variant>/<what>`. A notebook that needs a figure of an earlier one asks for the same
measurement: measured already, the step replays; otherwise it is measured now. So every notebook runs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.engine.plan import Plan
from snippets.engine.streams import LINE, PLAIN, Tuning
from snippets.engine.turns import Entrant, Turns
from snippets.measure import calls
from snippets.model import evaluate

if TYPE_CHECKING:
    from snippets.data.datasets import Split
    from snippets.record.run import Run

Logits = Callable[[np.ndarray], np.ndarray]
# Inputs that latencies walk through: several, so that no single picture stays in the caches.
PICTURES = 8


@dataclass(frozen=True)
class Variant:
    """One way to run the network. `load` makes the model, and is called only when there is something to measure.

    `name` begins its steps ("baseline/eager"); `inputs`: what decides its results, by name; `threads`: with how many it
    runs (0: as many as the plan says); `batch`: how many images it is given at once where throughputs are compared (0:
    as many as the plan says).
    """

    name: str
    load: Callable[[], Logits]
    provider: str
    inputs: Mapping[str, Any]
    threads: int = 0
    batch: int = 0


@dataclass(frozen=True)
class Bench:
    """Where variants are measured: the run that records them, the evaluation images, the plan.

    `data`: the data set's fingerprint. Every method returns the result of a recorded step, or several by name.
    """

    run: Run
    split: Split
    plan: Plan
    data: str = ""

    def turns(self, group: str, variants: Mapping[str, Variant], *, first: int = 1) -> Turns:
        """Turns of variants by the names that charts show, one image at a time; `first` as for Turns."""

        def entrant(one: Variant) -> Entrant:
            def load() -> calls.Call:
                return calls.cycle(one.load(), pictures(self.split))

            return Entrant(one.name, load, one.provider, one.threads or self.plan.threads, one.inputs)

        return Turns(self.run, group, {name: entrant(one) for name, one in variants.items()}, self.plan.turns, first)

    def batches(
        self, group: str, variants: Mapping[str, Variant], answers: dict[str, dict[int, np.ndarray]] | None = None
    ) -> Turns:
        """Turns of whole batches, as the group `<group>/batches`, which give the steps `<group>/<name>/throughput`.

        Each variant has its own size of batch; another than the plan's is in the step's name. The evaluation images are
        gone through in turn. `answers` is filled by name with the logits of the batches that `accuracy` begins with, by
        their number, where those are of the plan's size.
        """

        def entrant(name: str, one: Variant) -> Entrant:
            batch = one.batch or self.plan.batch
            kept: dict[int, np.ndarray] = {}
            if answers is not None and batch == self.plan.batch:
                kept = answers.setdefault(name, kept)
            return Entrant(
                f"{group}/{name}",
                lambda: self._batch_by_batch(one.load(), batch, kept),
                one.provider,
                self.plan.threads,
                one.inputs,
                batch,
                self._step_of(batch),
            )

        entrants = {name: entrant(name, one) for name, one in variants.items()}
        return Turns(self.run, f"{group}/batches", entrants, self.plan.batch_turns)

    def compared(
        self, group: str, variants: Mapping[str, Variant], meanwhile: Callable[[int], object] = lambda number: None
    ) -> dict[str, dict[str, Any]]:
        """Throughput, accuracy and size of ONNX files, by name: batches take turns in `group`, as the plan says.

        `meanwhile` is called before each round with its number (from 1): other turns, spread over the same time.
        Returns by name {"throughput", "accuracy", "size"}: results of the recorded steps `<group>/<name>/throughput`,
        `<variant>/accuracy` and `<variant>/size`. Raises what `providers.session` raises.
        """
        answers: dict[str, dict[int, np.ndarray]] = {}
        batches = self.batches(group, variants, answers)
        for number in range(1, self.plan.rounds + 1):
            meanwhile(number)
            batches.take(number)
        rates = batches.results()
        return {
            name: {"throughput": rates[name], **self.quality(one, _classes(answers.get(name, {})))}
            for name, one in variants.items()
        }

    def quality(self, variant: Variant, classified: dict[int, np.ndarray] | None = None) -> dict[str, Any]:
        """Accuracy and size of an ONNX file: {"accuracy", "size"}, results of the steps of those names."""
        path = variant.inputs["model"]
        return {
            "accuracy": self.accuracy(variant, classified=classified),
            "size": self.run.step(
                f"{variant.name}/size", lambda: {"bytes": path.stat().st_size, "file": path}, inputs={"model": path}
            ),
        }

    def throughput(
        self, variant: Variant, batch: int, classified: dict[int, np.ndarray] | None = None
    ) -> dict[str, Any]:
        """Step `<name>/throughput-<batch>`: whole batches of one size (plain `throughput` for the plan's size), in ms.

        One variant by itself, in one burst; those that are compared take turns (`compared`). At the plan's size,
        `classified` is filled with the class numbers of the batches that were measured, so that `accuracy` need not run
        them a second time.
        """
        return self.run.step(
            f"{variant.name}/{self._step_of(batch)}",
            lambda: self._timed_batches(variant, batch, classified),
            inputs={**variant.inputs, "batch": batch, "effort": self.plan.batches, "threads": self.plan.threads},
        )

    def _step_of(self, batch: int) -> str:
        return "throughput" if batch == self.plan.batch else f"throughput-{batch}"

    def _timed_batches(self, variant: Variant, batch: int, classified: dict[int, np.ndarray] | None) -> dict[str, Any]:
        answers: dict[int, np.ndarray] = {}
        call = self._batch_by_batch(variant.load(), batch, answers)
        result = calls.throughput_step(
            call, batch, self.plan.batches, provider=variant.provider, threads=self.plan.threads
        )
        if classified is not None and batch == self.plan.batch:
            classified.update(_classes(answers))
        return result

    def _batch_by_batch(self, model: Logits, batch: int, answers: dict[int, np.ndarray]) -> calls.Call:
        """A call that walks through the batches of `accuracy`; `answers` keeps the logits of each by its number."""
        batches = evaluate.whole_batches(self.split, batch, self.plan.evaluation)
        if not batches:
            # Too few images for a whole batch: one, in which some come twice, stands for all and is not kept.
            return partial(model, evaluate.real_batch(self.split, batch))
        turn = count()

        def call() -> None:
            number = next(turn) % len(batches)
            answers[number] = model(batches[number])

        return call

    def accuracy(
        self, variant: Variant, batch: int = 0, classified: dict[int, np.ndarray] | None = None
    ) -> dict[str, Any]:
        """Step `<name>/accuracy`: predictions on the evaluation split (as many images as the plan says).

        In batches of `batch`, or of the plan's size; then `classified` is what `throughput` filled.
        """
        batch = batch or self.plan.batch
        limit = self.plan.evaluation
        return self.run.step(
            f"{variant.name}/accuracy",
            lambda: evaluate.accuracy_step(
                variant.load(), self.split, "evaluation", limit=limit, batch=batch, known=classified
            ),
            inputs={**variant.inputs, "labels": self.split.labels, "limit": limit, "batch": batch},
        )

    def file(
        self, name: str, path: Path, *, provider: str = "cpu", level: str = "all", tuning: Tuning = PLAIN
    ) -> Variant:
        """An ONNX file as the variant `name` ("graph/onnx-all"), loaded once. `load` raises what `session` does."""
        from snippets.engine.providers import session

        @cache
        def load() -> Logits:
            return session(path, provider, threads=self.plan.threads, level=level, tuning=tuning)

        inputs: dict[str, Any] = {"model": path, "provider": provider, "level": level, "data": self.data}
        if tuning != PLAIN:
            inputs["tuning"] = tuning
        # Streams take single images from a line; each of them is a batch of one.
        return Variant(name, load, provider, inputs, batch=LINE if tuning.streams else 0)

    def missing(self, name: str, reason: str, measured: str = "accuracy") -> str:
        """Why a variant is left out, in words; empty where it is measured.

        The record decides where it knows: a variant whose step `measured` it holds is here, whatever this machine
        lacks, and in a replay one that is recorded as absent stays so. Else `reason` decides, and is recorded.
        """
        names = () if self.run.mode == "fresh" else self.run.record().names()
        if f"{name}/{measured}" in names:
            return ""
        if f"{name}/absent" in names and (reason or self.run.mode == "replay"):
            return str(self.run.record().result(f"{name}/absent")["reason"])
        return self.absent(name, reason) if reason else ""

    def absent(self, name: str, reason: str) -> str:
        """Step `<name>/absent`: that a variant could not be measured on this machine; returns the reason recorded."""
        return self.run.step(f"{name}/absent", lambda: {"reason": reason}, inputs={"reason": reason})["reason"]


def _classes(answers: Mapping[int, np.ndarray]) -> dict[int, np.ndarray]:
    """Class numbers from logits, batch by batch."""
    return {number: np.asarray(logits).argmax(axis=1) for number, logits in answers.items()}


def pictures(split: Split, count: int = PICTURES) -> list[np.ndarray]:
    """`count` single preprocessed images of a split, each float32 (1,3,224,224), drawn with a fixed seed."""
    batch = evaluate.real_batch(split, count)
    return [batch[index : index + 1] for index in range(count)]
