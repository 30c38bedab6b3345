"""Part 3's search for similar photos as a product of matrices: some photos by a large catalogue, in 32 and 8 bits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets import stats
from snippets.engine.providers import session_options
from snippets.engine.turns import Entrant, Turns
from snippets.measure import blocks
from snippets.measure.calls import Call
from snippets.stats import Estimate

if TYPE_CHECKING:
    from snippets.record.run import Run

RULES = {
    "quick": blocks.Rules(calls=12, unmeasured=2, block_ms=100.0),
    "full": blocks.Rules(block_ms=400.0, patience_s=3.0),
}
PHOTOS = {"quick": (1, 8, 32), "full": (1, 2, 4, 8, 16, 32, 64)}
FLOAT32, INT8 = 4, 1
KINDS = {FLOAT32: "float32", INT8: "int8"}
"""Kinds of numbers by their bytes."""
ASKED = 64


@dataclass(frozen=True)
class Search:
    """Searches for some photos at once by the file that `write_similar_photos` made, with so many threads.

    Their names say how many: "1 photo", "32 photos, int8"; their steps are search/float32-1/latency and so on. In int8
    they are for the fewest and the most photos.
    """

    run: Run
    path: Path
    threads: int
    profile: str
    _sessions: dict[int, Any] = field(default_factory=dict)

    @cached_property
    def variants(self) -> dict[str, tuple[int, int]]:
        """Photos at once, and the bytes of a number, by the names that charts show."""
        counts = PHOTOS[self.profile]
        pairs = [*((count, FLOAT32) for count in counts), (counts[0], INT8), (counts[-1], INT8)]
        return {f"{count} photo{'s' * (count > 1)}{', int8' * (size == INT8)}": (count, size) for count, size in pairs}

    @cached_property
    def turns(self) -> Turns:
        """The searches' turns, as the group "search"."""
        entrants = {
            name: Entrant(
                f"search/{KINDS[size]}-{count}",
                partial(self._call, count, size),
                "cpu",
                self.threads,
                {"photos": count, "kind": KINDS[size]},
            )
            for name, (count, size) in self.variants.items()
        }
        return Turns(self.run, "search", entrants, RULES[self.profile])

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Numbers of a photo, and stored photos; the step search/catalogue."""
        found = self.run.step(
            "search/catalogue", lambda: list(catalogue(self.path).shape), inputs={"of": self.path.name}
        )
        return int(found[0]), int(found[1])

    def points(self) -> dict[str, tuple[float, Estimate]]:
        """The searches that took turns as points of a roofline: operations a byte, and GFLOP/s."""
        taken, found = self.turns.latencies(), {}
        for name, (count, size) in self.variants.items():
            flop, moved = work(count, self.shape, size)
            found[name] = flop / moved, stats.scaled(taken[name].images_per_s(), flop / 1e9)
        return found

    def agreement(self) -> float:
        """Share of some photos for which both searches call the same one the nearest; the step search/answers."""
        found = self.run.step("search/answers", self._answers, inputs={"threads": self.threads})
        return float(np.mean(found["int8"] == found["float32"]))

    def _answers(self) -> dict[str, np.ndarray]:
        return {
            kind: self._session(size).run(None, {"embedding": _photos(ASKED)})[0][:, 0] for size, kind in KINDS.items()
        }

    def _call(self, count: int, size: int) -> Call:
        session, query = self._session(size), _photos(count)
        return lambda: session.run(None, {"embedding": query})

    def _session(self, size: int) -> Any:
        if size not in self._sessions:
            import onnxruntime as ort

            source = str(self.path) if size == FLOAT32 else in_int8(catalogue(self.path))
            options = session_options(self.threads, "all")
            self._sessions[size] = ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        return self._sessions[size]


def catalogue(path: Path) -> np.ndarray:
    """The stored photos of the file: float32 (numbers of a photo, photos)."""
    import onnx
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in onnx.load(path).graph.initializer}
    return numpy_helper.to_array(tensors["catalogue"])


def work(photos: int, shape: tuple[int, int], size: int = FLOAT32) -> tuple[float, float]:
    """Operations of a search, and the bytes that it must move at least: catalogue and photos read, scores written.

    `shape` of the catalogue: numbers of a photo, stored photos. Its numbers have `size` bytes, scores 4.
    """
    inner, outer = shape
    return 2.0 * photos * inner * outer, float(size * inner * (outer + photos) + 4 * photos * outer)


def in_int8(photos: np.ndarray) -> bytes:
    """The search as an ONNX file, with one scale for the whole catalogue; the query is quantized when it comes."""
    from onnx import TensorProto, helper, numpy_helper

    small = np.rint(photos * (127 / np.abs(photos).max())).astype(np.int8)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["embedding"], ["query", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["query", "catalogue", "zero"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["scores"], to=TensorProto.FLOAT),
        helper.make_node("TopK", ["scores", "k"], ["score", "nearest"]),
    ]
    graph = helper.make_graph(
        nodes,
        "similar_photos_int8",
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", photos.shape[0]])],
        [helper.make_tensor_value_info("nearest", TensorProto.INT64, ["n", 5])],
        [numpy_helper.from_array(small, "catalogue"), numpy_helper.from_array(np.array([5]), "k")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def _photos(count: int) -> np.ndarray:
    return np.random.default_rng(1).random((count, 1280), dtype=np.float32) - np.float32(0.5)
