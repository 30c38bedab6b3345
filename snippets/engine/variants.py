"""The variants of Part 1, each measured the same way: latency (in turns), throughput, accuracy, size.

Steps are named `<notebook>/<variant>/<what>`. A notebook that needs a figure of an earlier one asks for the same
measurement: measured already, the step replays; otherwise it is measured now. So every notebook runs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    runs (0: as many as the plan says).
    """

    name: str
    load: Callable[[], Logits]
    provider: str
    inputs: Mapping[str, Any]
    threads: int = 0


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

    def throughput(
        self, variant: Variant, batch: int, classified: dict[int, np.ndarray] | None = None
    ) -> dict[str, Any]:
        """Step `<name>/throughput-<batch>`: whole batches of one size (plain `throughput` for the plan's size), in ms.

        The evaluation images are gone through in turn. At the plan's size, `classified` is filled with the class
        numbers of the batches that were measured, so that `accuracy` need not run them a second time.
        """
        what = "throughput" if batch == self.plan.batch else f"throughput-{batch}"
        return self.run.step(
            f"{variant.name}/{what}",
            lambda: self._timed_batches(variant, batch, classified),
            inputs={**variant.inputs, "batch": batch, "effort": self.plan.batches, "threads": self.plan.threads},
        )

    def _timed_batches(self, variant: Variant, batch: int, classified: dict[int, np.ndarray] | None) -> dict[str, Any]:
        model, batches = variant.load(), evaluate.whole_batches(self.split, batch, self.plan.evaluation)
        # Too few images for a whole batch: one batch, in which some come twice, stands for all.
        known = bool(batches)
        batches = batches or [evaluate.real_batch(self.split, batch)]
        answers: dict[int, np.ndarray] = {}
        turn = count()

        def call() -> None:
            number = next(turn) % len(batches)
            answers[number] = model(batches[number])

        result = calls.throughput_step(
            call, batch, self.plan.batches, provider=variant.provider, threads=self.plan.threads
        )
        if known and classified is not None and batch == self.plan.batch:
            classified.update({number: np.asarray(logits).argmax(axis=1) for number, logits in answers.items()})
        return result

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

        loaded: list[Logits] = []

        def load() -> Logits:
            if not loaded:
                loaded.append(session(path, provider, threads=self.plan.threads, level=level, tuning=tuning))
            return loaded[0]

        inputs: dict[str, Any] = {"model": path, "provider": provider, "level": level, "data": self.data}
        if tuning != PLAIN:
            inputs["tuning"] = tuning
        return Variant(name, load, provider, inputs)

    def onnx(
        self, name: str, path: Path, *, provider: str = "cpu", level: str = "all", tuning: Tuning = PLAIN
    ) -> dict[str, Any]:
        """Throughput, accuracy and size of an ONNX file as the variant `name`; its latency is measured in turns.

        Returns {"throughput", "accuracy", "size"}: results of the recorded steps, `throughput` that at the
        plan's `batch`; the other batch sizes are timed at level "all" only. With streams it is that of a line of images
        (streams.LINE), for each of them is a batch of one. Raises what `providers.session` raises.
        """
        variant = self.file(name, path, provider=provider, level=level, tuning=tuning)
        found: dict[str, Any] = {}
        classified: dict[int, np.ndarray] = {}
        usual = LINE if tuning.streams else self.plan.batch
        for batch in self.plan.batch_sizes if level == "all" and not tuning.streams else (usual,):
            rate = self.throughput(variant, batch, classified)
            if batch == usual:
                found["throughput"] = rate
        found["accuracy"] = self.accuracy(variant, classified=classified)
        found["size"] = self.run.step(
            f"{name}/size", lambda: {"bytes": path.stat().st_size, "file": path}, inputs={"model": path}
        )
        return found

    def absent(self, name: str, reason: str) -> str:
        """Step `<name>/absent`: that a variant could not be measured on this machine; returns the reason recorded."""
        return self.run.step(f"{name}/absent", lambda: {"reason": reason}, inputs={"reason": reason})["reason"]


def pictures(split: Split, count: int = PICTURES) -> list[np.ndarray]:
    """`count` single preprocessed images of a split, each float32 (1,3,224,224), drawn with a fixed seed."""
    batch = evaluate.real_batch(split, count)
    return [batch[index : index + 1] for index in range(count)]
