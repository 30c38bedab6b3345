"""The pruned networks of `6_retrain`, from the run's own weights to files that take turns: all steps are recorded.

files = prune.files(bench, fp32, weights, data)      # by name, the last training steps taken; {}: nothing can be
turns = bench.turns(prune.GROUP, prune.variants(bench, fp32, files))
measured = prune.measure(bench, fp32, files, meanwhile=turns.take)

Half or four fifths of the weights become zero and stay in their places; or half of the channels go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snippets import stats
from snippets.engine import graph
from snippets.engine.plan import Plan
from snippets.engine.variants import Bench, Variant
from snippets.measure.latency import Latency, compare
from snippets.model import evaluate
from snippets.model.weights_file import is_onnx
from snippets.smaller import half

if TYPE_CHECKING:
    from snippets.data.datasets import Dataset
    from snippets.record.run import Run

GROUP = "prune"
WHOLE = "onnx-all"
ZEROS = {"zeros-50": 0.5, "zeros-80": 0.8}
CHANNELS = "channels-50"
CHANNELS_LEFT = 0.5
NAMES = (*ZEROS, CHANNELS)
RATE = 5e-5
"""Learning rate of the last steps: small, for the layers are fitted already."""


@dataclass(frozen=True)
class Lesson:
    """How much is trained, by profile: `images` of the training split, gone through `epochs` times.

    `seen`: images on which a layer without some of its channels shall give what it gave.
    """

    images: int
    epochs: int
    seen: int


LESSONS = {"quick": Lesson(11, 1, 33), "full": Lesson(110, 1, 110)}


def missing(bench: Bench, weights: str) -> str:
    """Why nothing is pruned in this run, as its step `prune/absent` records it; empty where it can be."""
    reason = (
        "the weights are an ONNX file, which runs as it is: what is pruned here is trained again, and that takes a "
        "MobileNetV2 as .safetensors or .pth"
    )
    return bench.missing(GROUP, reason if is_onnx(weights) else "", "turns-1")


def trained(run: Run, name: str, weights: str, data: Dataset, how: Plan) -> dict[str, Any]:
    """Step `prune/<name>/train`: the run's own network, pruned, after the last training steps.

    `file`: its weights (safetensors) in the run's models; `channels`: how many it has inside its blocks and before its
    classifier; else as `finish.finish`.
    """
    lesson = LESSONS[how.profile]

    def train() -> dict[str, Any]:
        from snippets.model.weights_file import load_model, save_weights
        from snippets.retrain import channels, zeros
        from snippets.smaller import finish

        split = data.split("training")

        def pictures(count: int) -> finish.Pictures:
            rows = evaluate.subset(split.labels, count)
            return finish.Pictures(split.images[rows], split.labels[rows])

        model: Any = load_model(weights, data.classes)[0]
        with finish.training(how.threads, 1):
            seen = [batch for batch, _ in finish.batches(pictures(lesson.seen))]
            if name in ZEROS:
                model = zeros.without(model, seen, ZEROS[name])
            else:
                model = channels.without(model, seen, CHANNELS_LEFT)
        # Fitted layers give what they gave: what follows them needs no other statistics.
        found = finish.finish(model, pictures(lesson.images), lesson.epochs, how.threads, rate=RATE, statistics=False)
        zeros.settle(model)
        file = save_weights(model, run.models / f"{name}.safetensors", data.classes)
        return {**found, "file": file, "channels": channels.inner(model)}

    return run.step(
        f"{GROUP}/{name}/train",
        train,
        inputs={"weights": _source(weights), "data": data.fingerprint, "lesson": lesson},
    )


def exported(run: Run, name: str, fp32: Path, file: Path | None = None) -> dict[str, Any]:
    """Step `prune/<name>/export`: the run's float32 file with the weights of `file` (default: its own), and its counts.

    `file` (ONNX), its `bytes` and `zip_bytes`; `loaded_bytes` of the weights as ONNX Runtime computes with them; how
    many `weights` its convolutions and matrices have and how many are `zeros` (and which `share` shall be);
    `multiply_adds` for one image, and the `useful` ones of them, whose weight is not zero.
    """

    def make() -> dict[str, Any]:
        from safetensors.numpy import load_file

        from snippets.retrain import stored

        path = fp32
        if file is not None:
            tensors = {
                key: values for key, values in load_file(file).items() if not key.endswith("num_batches_tracked")
            }
            path = stored.refilled(fp32, tensors, run.models / f"{name}.onnx")
        return {
            "file": path,
            "bytes": path.stat().st_size,
            "zip_bytes": stored.zip_bytes(path),
            "loaded_bytes": sum(half.weight_bytes(path, run.models)["loaded"].values()),
            **stored.counted(path),
            **({"share": ZEROS[name]} if name in ZEROS else {}),
            "multiply_adds": graph.multiply_adds(path),
            "useful": graph.multiply_adds(path, zeros=False),
        }

    return run.step(f"{GROUP}/{name}/export", make, inputs={"model": fp32, "weights": file})


def files(
    bench: Bench, fp32: Path, weights: str, data: Dataset, progress: Callable[[Any], Any] = iter
) -> dict[str, Path]:
    """ONNX files of the pruned networks by name; none where nothing is pruned."""
    names = () if missing(bench, weights) else progress(NAMES)
    return {name: _file(bench, name, fp32, weights, data) for name in names}


def counts(bench: Bench, fp32: Path, found: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """What was counted in the run's own file and in the pruned ones, by name, as `exported`; nothing without those."""
    named = {WHOLE: None, **{name: path.with_suffix(".safetensors") for name, path in found.items()}}
    return {name: exported(bench.run, name, fp32, file) for name, file in named.items()} if found else {}


def remains(
    counted: Mapping[str, Mapping[str, Any]], latencies: Mapping[str, Latency]
) -> dict[str, dict[str, stats.Estimate]]:
    """What is left of each quantity in each pruned network, as a share of what the whole one has: a chart's bars."""
    names = [name for name in counted if name != WHOLE]
    whole = counted[WHOLE]

    def share(what: str) -> dict[str, stats.Estimate]:
        values = {name: counted[name][what] / whole[what] for name in names}
        return {name: stats.Estimate(one, one, one) for name, one in values.items()}

    return {
        "multiplications": share("multiply_adds"),
        "those by no zero": share("useful"),
        "latency": {name: compare(latencies[name], latencies[WHOLE]).ratio for name in names},
        "weights in memory": share("loaded_bytes"),
        "file": share("bytes"),
        "zipped": share("zip_bytes"),
    }


def variants(bench: Bench, fp32: Path, found: Mapping[str, Path]) -> dict[str, Variant]:
    """The run's own network and the pruned ones, as variants of the steps `prune/<name>/...` that take turns."""
    return {name: bench.file(f"{GROUP}/{name}", path) for name, path in {WHOLE: fp32, **found}.items()}


def measure(
    bench: Bench, fp32: Path, found: Mapping[str, Path], meanwhile: Callable[[int], object] = lambda number: None
) -> dict[str, dict[str, Any]]:
    """Accuracy and size by name, as Bench.compared, of the run's own network and of those `found`; nothing without any.

    Throughput, too, of the whole network and of that with fewer channels. Files full of zeros make the same operations
    as the whole one: their batches tell nothing that their single images do not.
    """
    if not found:
        return {}
    timed = {WHOLE: bench.file("graph/onnx-all", fp32), CHANNELS: bench.file(f"{GROUP}/{CHANNELS}", found[CHANNELS])}
    others = {name: bench.file(f"{GROUP}/{name}", path) for name, path in found.items() if name not in timed}
    return {**bench.compared(GROUP, timed, meanwhile), **{name: bench.quality(one) for name, one in others.items()}}


def options(bench: Bench, fp32: Path, weights: str, data: Dataset) -> dict[str, Path]:
    """The pruned network that is worth a choice, by name: the one with fewer channels. None where nothing is pruned.

    Zeros leave latency, price and file as they were, for no engine here skips them.
    """
    if missing(bench, weights):
        return {}
    return {CHANNELS: _file(bench, CHANNELS, fp32, weights, data)}


def _file(bench: Bench, name: str, fp32: Path, weights: str, data: Dataset) -> Path:
    file = trained(bench.run, name, weights, data, bench.plan)["file"]
    return exported(bench.run, name, fp32, file)["file"]


def _source(weights: str) -> Path:
    from snippets.model.weights_file import SHIPPED

    return SHIPPED if weights == "rehearsal" else Path(weights).expanduser()
