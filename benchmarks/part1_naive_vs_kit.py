"""Part 1's measurements the usual way and the kit's way, side by side: `python benchmarks/part1_naive_vs_kit.py`.

Both measure the same variants of the same model on the same photographs and report the same three figures for
each: median latency of one image, throughput in batches of 32, accuracy.

The usual way, as in public labs: every variant decodes all JPEGs again through a PyTorch DataLoader, then makes 100
single calls and 50 calls with a batch, whatever the noise. The kit's way: JPEGs are decoded once into a memory
map, and calls are made until the median's 95 % interval is narrow or a bound is reached. Decoding counts for both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from snippets import stats
from snippets.data.datasets import dataset
from snippets.data.image import decode, preprocess
from snippets.engine.providers import session
from snippets.measure import calls
from snippets.measure.latency import Latency
from snippets.model import evaluate

BATCH, SINGLE_TRIALS, BATCH_TRIALS = 32, 100, 50
TARGET = 3.0
Figures = dict[str, tuple[float, float, float]]


def photographs(folder: Path, count: int, side: int = 640) -> None:
    """`count` JPEGs a split of the size of shared photographs, in two class folders."""
    from PIL import Image

    chance = np.random.default_rng(0)
    for split in ("training", "validation", "evaluation"):
        for number in range(count if split == "evaluation" else 4):
            place = folder / split / f"class_{number % 2}"
            place.mkdir(parents=True, exist_ok=True)
            coarse = chance.integers(0, 255, (20, 15, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize((side, side * 3 // 4), Image.Resampling.BICUBIC)
            picture.save(place / f"{number}.jpg", quality=90)


def usual(files: list[Path], labels: np.ndarray, variants: dict[str, Callable[[], Any]]) -> Figures:
    """The figures (p50 ms, images/s, accuracy) of each variant, measured with a DataLoader and fixed trial counts."""
    import torch

    class Photographs(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, index: int) -> tuple[Any, int]:
            return torch.from_numpy(preprocess(decode(files[index]))[0]), int(labels[index])

    found: Figures = {}
    for name, load in variants.items():
        model, right = load(), 0
        loader = torch.utils.data.DataLoader(Photographs(), batch_size=BATCH)
        for images, expected in loader:
            right += int((model(images.numpy()).argmax(axis=1) == expected.numpy()).sum())
        batch = next(iter(loader))[0].numpy()
        single = [calls.timed_ms(partial(model, batch[:1])) for _ in range(SINGLE_TRIALS)]
        whole = [calls.timed_ms(partial(model, batch)) for _ in range(BATCH_TRIALS)]
        found[name] = (float(np.median(single)), 1000 * len(batch) / float(np.median(whole)), right / len(files))
    return found


def kit(folder: Path, cache: Path, variants: dict[str, Callable[[], Any]]) -> Figures:
    """The same figures through the kit's data set and measuring."""
    split = dataset(folder, cache=cache).split("evaluation")
    batch = evaluate.real_batch(split, BATCH)
    pictures = [batch[index : index + 1] for index in range(8)]
    found: Figures = {}
    for name, load in variants.items():
        model = load()
        single = calls.latency_step(calls.cycle(model, pictures), calls.effort("quick"), provider="cpu", threads=0)
        whole = calls.throughput_step(
            partial(model, batch), BATCH, calls.effort("quick", batches=True), provider="cpu", threads=0
        )
        scored = evaluate.accuracy_step(model, split, "evaluation")
        found[name] = (
            stats.median(single["latency_ms"]).value,
            Latency.of(whole).images_per_s().value,
            stats.accuracy(scored["predictions"], scored["labels"]).value,
        )
    return found


def main() -> int:
    """Print both ways' figures and seconds, and their ratio; the exit code is 1 when it is below the target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=int, default=96, help="photographs to evaluate (default %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="part1.") as temporary:
        base = Path(temporary)
        photographs(base / "photos", options.photos)
        model = _model(base / "fp32.onnx")
        variants: dict[str, Callable[[], Any]] = {
            f"onnx-{level}": partial(session, model, level=level) for level in ("extended", "all")
        }
        variants["openvino"] = partial(session, model, "openvino")
        files = sorted((base / "photos" / "evaluation").rglob("*.jpg"))
        labels = np.array([int(file.parent.name[-1]) for file in files])
        import torch  # noqa: F401 - its import belongs to neither way

        started = time.perf_counter()
        slow = usual(files, labels, variants)
        between = time.perf_counter()
        fast = kit(base / "photos", base / "cache", variants)
        ended = time.perf_counter()
    usual_s, kit_s = between - started, ended - between
    for way, found in (("usual", slow), ("kit", fast)):
        for name, (p50_ms, rate, score) in found.items():
            print(f"{way:6} {name:14} p50 {p50_ms:8.2f} ms   {rate:8.1f} images/s   accuracy {score:.3f}")
    ratio = usual_s / kit_s
    print(f"usual way {usual_s:.1f} s, kit {kit_s:.1f} s: {ratio:.1f} times faster (target {TARGET:g})")
    if any(abs(slow[name][2] - fast[name][2]) > 1e-9 for name in slow):
        print("the two ways disagree about an accuracy")
        return 1
    return 0 if ratio >= TARGET else 1


def _model(path: Path) -> Path:
    import torch

    from snippets.engine.export import export_onnx
    from snippets.model.mobilenet import mobilenet_v2

    torch.manual_seed(0)
    return export_onnx(mobilenet_v2(2).eval(), path)


if __name__ == "__main__":
    raise SystemExit(main())
