"""The layers that a student leaves in float32: chosen from the scan by the student's function, and tried like every
other candidate of the search.

    kept = own_layers.choose(run, prepared, scan, function, allowed)     # step quantize/own-layers
    own_layers.candidate(run)                                            # what the search tries, or None
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.engine.graph import read_model
from snippets.quantize.quantizer import WITH_WEIGHTS, Candidate

if TYPE_CHECKING:
    from snippets.record.run import Run

STEP = "quantize/own-layers"
NAME = "your layers in float32"


@dataclass(frozen=True)
class OwnLayers:
    """Parts of the network, by name, and their layers, that stay in float32; `left`: the error of all others."""

    by: str
    parts: tuple[str, ...]
    layers: tuple[str, ...]
    extra_bytes: int
    left: float
    allowed: float

    def __str__(self) -> str:
        parts = ", ".join(self.parts) or "nothing"
        return (
            f"stays in float32: {parts}; {self.extra_bytes / 1e6:.2f} MB more, "
            f"error of the rest {self.left:.4f} (allowed: {self.allowed:g})"
        )


def extra_bytes(prepared: Path, layers: list[list[str]]) -> list[int]:
    """What each part, the names of its layers, adds to a file in float32: three bytes a weight more than in 8 bits."""
    graph = read_model(prepared).graph
    sizes = {tensor.name: int(np.prod(tensor.dims)) for tensor in graph.initializer}
    weights = {node.name: sizes.get(node.input[1], 0) for node in graph.node if node.op_type in WITH_WEIGHTS}
    return [max(1, 3 * sum(weights[name] for name in part)) for part in layers]


def choose(run: Run, prepared: Path, scan: Mapping[str, Any], function: Any, allowed: float) -> OwnLayers:
    """Step `quantize/own-layers`: the parts that `function` (errors, extra bytes, `allowed`) takes back to float32.

    `scan`: what int8.sensitivity_of found. `function`: what `write` gave for it: it says whose it was (`by`: "you" or
    "the kit") and has its text. A replay takes what is recorded.
    """
    if run.mode == "replay" and run.has(STEP):
        return _read(run.record().result(STEP))

    def decide() -> dict[str, Any]:
        errors, extra = [float(error) for error in scan["errors"]], extra_bytes(prepared, scan["layers"])
        taken = function(errors, extra, allowed)
        return {
            "by": function.by,
            "parts": [scan["parts"][index] for index in taken],
            "layers": [layer for index in taken for layer in scan["layers"][index]],
            "extra_bytes": sum(extra[index] for index in taken),
            "left": sum(error for index, error in enumerate(errors) if index not in taken),
            "allowed": allowed,
        }

    inputs = {"prepared": prepared, "errors": scan["errors"], "allowed": allowed, "source": function.source}
    return _read(run.step(STEP, decide, inputs=inputs))


def candidate(run: Run) -> Candidate | None:
    """The candidate with the layers that the student's own function chose last; None where there is no such choice."""
    if not run.has(STEP):
        return None
    found = _read(run.record().result(STEP))
    # With typical ranges: of the remedies that leave every layer's own error where the scan found it, the best.
    return Candidate(NAME, exclude=found.layers, typical=True) if found.by == "you" else None


def _read(step: Mapping[str, Any]) -> OwnLayers:
    return OwnLayers(
        str(step["by"]),
        tuple(step["parts"]),
        tuple(step["layers"]),
        int(step["extra_bytes"]),
        float(step["left"]),
        float(step["allowed"]),
    )
