"""Where the model comes from, as Part 1's notebooks see it: weights that are loaded only if something is measured.

Importing PyTorch and loading weights takes seconds. A notebook that only replays its record never does either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.course import located
from snippets.errors import ModelError, ToolMissing
from snippets.model import evaluate
from snippets.model.weights_file import SHIPPED, is_onnx, load_model, save_weights

if TYPE_CHECKING:
    from snippets.data.datasets import Dataset, Split
    from snippets.engine.compiling import Compiled
    from snippets.engine.variants import Bench
    from snippets.record.run import Run


class Source:
    """The weights named by the parameter `weights`, checked against the classes of the data when loaded."""

    def __init__(self, weights: str, food: Dataset) -> None:
        self.path = SHIPPED if weights == "rehearsal" else located(weights)
        self._classes = food.classes
        self._module: Any = None
        if not self.path.is_file():
            raise ModelError(
                f"There is no weights file {self.path}. Give weights=rehearsal or the path of a "
                ".safetensors, .pth or .onnx file."
            )

    @property
    def torch_absence(self) -> str:
        """Why there is no PyTorch module to measure, in words; empty when there is one."""
        if is_onnx(self.path):
            return "the weights are an ONNX file, which has no PyTorch module"
        from importlib.util import find_spec

        return "" if find_spec("torch") else "PyTorch is not installed (pip install torch)"

    def module(self) -> Any:
        """The torch module in evaluation mode, loaded at the first call."""
        if self._module is None:
            self._module, _ = load_model(self.path, classes=self._classes)
        return self._module

    @property
    def loaded(self) -> Any:
        """The torch module if something has needed it yet, else None."""
        return self._module

    def lazily(self, make: Callable[[Any], Any]) -> Callable[[], Any]:
        """A function that makes `make(module)` at its first call and returns the same thing ever after."""
        made: list[Any] = []

        def get() -> Any:
            if not made:
                made.append(make(self.module()))
            return made[0]

        return get

    def record_size(self, run: Run, name: str) -> dict[str, Any]:
        """Step `<name>/size`: the weights alone, written as models/weights.safetensors."""

        def written() -> dict[str, Any]:
            file = save_weights(self.module(), run.models / "weights.safetensors", self._classes)
            return {"bytes": file.stat().st_size, "file": file}

        return run.step(f"{name}/size", written, inputs={"weights": self.path})

    def record_compile(
        self, run: Run, name: str, compiled: Callable[[], Compiled], split: Split, batch: int, threads: int
    ) -> dict[str, Any]:
        """Step `<name>/compile` (of a batch of one) or `<name>/compile-<batch>`: seconds until the first result."""

        def timed() -> dict[str, Any]:
            images: np.ndarray = evaluate.real_batch(split, batch)
            return {"seconds": compiled().compile(images), "batch": batch}

        what = "compile" if batch == 1 else f"compile-{batch}"
        return run.step(f"{name}/{what}", timed, inputs={"weights": self.path, "batch": batch, "threads": threads})

    def compile_each(
        self, bench: Bench, name: str, compiled: Callable[[], Compiled], batches: Sequence[int]
    ) -> tuple[dict[int, dict[str, Any]], str]:
        """`record_compile` for each of these batch sizes, and why there is no compiled code here, in words.

        One of the two is empty. The reason is recorded as step `<name>/absent`. A record that says so already is
        believed in a replay: what was missing then need not be missing here.
        """
        from snippets.engine.compiling import compiler_absence

        reason = bench.missing(name, self.torch_absence, "compile")
        if not reason and not bench.run.has(f"{name}/compile"):
            reason = compiler_absence()
        costs: dict[int, dict[str, Any]] = {}
        try:
            for batch in batches if not reason else ():
                costs[batch] = self.record_compile(bench.run, name, compiled, bench.split, batch, bench.plan.threads)
        except ToolMissing as error:
            reason = str(error)
        if not reason:
            return costs, ""
        return {}, bench.absent(name, reason)
