"""What a device needs from the laptop: the four models of Part 1 and some decoded photos, in one folder.

    python -m snippets.edge.bundle FOLDER            # on the laptop; the folder then goes to the device
    kit = gather(run, kit="FOLDER")               # on the device, or with kit="" on the laptop itself

On the laptop nothing has to be packed: `gather` takes the models of the latest run of Part 1.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snippets.edge.device import VARIANTS
from snippets.errors import DataError, KitError, ModelError
from snippets.files import sha256_bytes
from snippets.record.run import Run, latest_run

PHOTOS_FILE = "photos.npz"
PHOTOS = 110
CALIBRATION_PHOTOS = 66


@dataclass(frozen=True)
class Kit:
    """Models by variant, photos' labels int64 (N,), and `photos()`: uint8 (N,224,224,3), read when first needed.

    `fingerprint` stands for the photos where a step's inputs are recorded. `absent` says which models there are not.
    """

    models: dict[str, Path]
    photos: Callable[[], np.ndarray]
    labels: np.ndarray
    fingerprint: str
    absent: dict[str, str]


def gather(run: Run, *, kit: str = "", runs: str = "", photos: int = PHOTOS, dataset: str = "rehearsal") -> Kit:
    """Models and photos for the device's notebooks, copied into the run so that it is complete by itself.

    kit: a folder made by `write_kit`. Empty: the models of Part 1's latest run, or, if there is none, models made
    here and now from the rehearsal weights (needs torch); photos from `dataset`. In mode replay only the run is read.
    Raises ModelError without an fp32 model, DataError for a kit without photos.
    """
    source = _source(run, kit, runs)
    for variant, file in source.items():
        run.step(f"kit/{variant}/size", _copy_in, file, run.models / f"{variant}.onnx", inputs={"file": file})
    recorded = run.record()
    models = {
        variant: recorded.result(f"kit/{variant}/size")["file"]
        for variant in VARIANTS
        if f"kit/{variant}/size" in recorded.names() and (not source or variant in source)
    }
    if "fp32" not in models:
        raise ModelError(
            f"{kit or 'Part 1'} has no fp32.onnx. Run `servelab run model`, or make a kit on the laptop with "
            "`python -m snippets.edge.bundle FOLDER` and give that folder as the parameter `kit`."
        )
    cache: list[np.ndarray] = []

    def load() -> np.ndarray:
        if not cache:
            cache.append(read_photos(kit, dataset, photos)[0])
        return cache[0]

    def describe() -> dict[str, Any]:
        images, labels = read_photos(kit, dataset, photos)
        cache[:] = [images]
        return {"labels": labels, "count": len(labels), "sha256": sha256_bytes(images.tobytes())}

    if kit and run.mode != "replay" and not (Path(kit) / PHOTOS_FILE).is_file():
        raise DataError(
            f"The kit {kit} has no {PHOTOS_FILE}. Make the kit again: python -m snippets.edge.bundle FOLDER"
        )
    chosen = {"kit": Path(kit) / PHOTOS_FILE} if kit and run.mode != "replay" else {"dataset": dataset}
    if run.mode == "replay" and "kit/photos" in recorded.names():
        described = recorded.result("kit/photos")
    else:
        described = run.step("kit/photos", describe, inputs={**chosen, "photos": photos})
    absent = {
        variant: "Part 1 has not made it: run `servelab run model`" for variant in VARIANTS if variant not in models
    }
    return Kit(models, load, np.asarray(described["labels"]), described["sha256"], absent)


def write_kit(folder: Path, *, runs: str = "", photos: int = PHOTOS, dataset: str = "rehearsal") -> Path:
    """Write the models and photos for a device into `folder` and return it. Raises ModelError, DataError."""
    folder.mkdir(parents=True, exist_ok=True)
    for variant, file in (_of_part_1(runs) or make_models(folder)).items():
        if file.parent.resolve() != folder.resolve():
            shutil.copyfile(file, folder / f"{variant}.onnx")
    images, labels = read_photos("", dataset, photos)
    np.savez_compressed(folder / PHOTOS_FILE, photos=images, labels=labels)
    return folder


def make_models(folder: Path) -> dict[str, Path]:
    """Make stand-ins for Part 1's models from the rehearsal weights in `folder`, without its search for the best.

    Both static files have every operator in 8 bits; the channels of `conservative` are equalized before. Raises
    ModelError where torch or onnx is missing.
    """
    try:
        import onnx  # noqa: F401
        import torch  # noqa: F401
    except ImportError:
        raise ModelError(
            "There are no models of Part 1 here, and without PyTorch none can be made. On the laptop, run "
            "`python -m snippets.edge.bundle FOLDER`, copy the folder here and give it as the parameter `kit`."
        ) from None
    from snippets.data.datasets import dataset
    from snippets.engine.export import export_onnx
    from snippets.model.weights_file import load_model
    from snippets.quantize import calibration, equalize, quantizer

    folder.mkdir(parents=True, exist_ok=True)
    module, _ = load_model("rehearsal")
    made = {variant: folder / f"{variant}.onnx" for variant in VARIANTS}
    export_onnx(module, made["fp32"])
    with tempfile.TemporaryDirectory(prefix="servelab-") as scratch:
        prepared = quantizer.prepare(made["fp32"], Path(scratch) / "prepared.onnx")
        quantizer.quantize_dynamically(prepared, made["dynamic"])
        training = dataset("rehearsal").split("training")
        images = quantizer.calibration_images(training.images, training.labels, CALIBRATION_PHOTOS)
        even = Path(scratch) / "equalized.onnx"
        equalize.equalize(prepared, even)
        for variant, network in (("aggressive", prepared), ("conservative", even)):
            ranges = calibration.calibrate(network, images)
            quantizer.quantize_statically(network, ranges, quantizer.Candidate(variant), made[variant])
    return made


def _source(run: Run, kit: str, runs: str) -> dict[str, Path]:
    """Where each model comes from; empty if the run has them already and nothing newer is named."""
    if run.mode == "replay":
        return {}
    if kit:
        if not Path(kit).is_dir():
            raise ModelError(
                f"The kit {kit} is not a folder. Make it on the laptop: python -m snippets.edge.bundle {kit}"
            )
        return _in_folder(Path(kit))
    found = _of_part_1(runs)
    if found or run.has("kit/fp32/size"):
        return found
    return make_models(Path(tempfile.mkdtemp(prefix="servelab-models-")))


def _of_part_1(runs: str) -> dict[str, Path]:
    latest = latest_run("model", runs)
    found = _in_folder(latest / "models") if latest else {}
    return found if "fp32" in found else {}


def _in_folder(folder: Path) -> dict[str, Path]:
    return {name: folder / f"{name}.onnx" for name in VARIANTS if (folder / f"{name}.onnx").is_file()}


def _copy_in(file: Path, target: Path) -> dict[str, Any]:
    if file.resolve() != target.resolve():
        shutil.copyfile(file, target)
    return {"bytes": target.stat().st_size, "file": target}


def read_photos(kit: str, dataset: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` photos spread evenly over the evaluation split, and their labels."""
    if kit:
        file = Path(kit) / PHOTOS_FILE
        try:
            with np.load(file, allow_pickle=False) as held:
                images, labels = held["photos"], held["labels"].astype(np.int64)
        except (OSError, KeyError, ValueError) as error:
            raise DataError(f"{file} does not hold the photos ({error}). Make the kit again.") from None
    else:
        from snippets.data.datasets import dataset as open_dataset

        split = open_dataset(dataset).split("evaluation")
        images, labels = split.images, split.labels
    picked = np.unique(np.linspace(0, len(labels) - 1, min(count, len(labels))).round().astype(int))
    return np.ascontiguousarray(images[picked]), labels[picked]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: write a kit."""
    parser = argparse.ArgumentParser(prog="python -m snippets.edge.bundle", description="Pack a kit for a device.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", default="", help="folder of run records")
    parser.add_argument("--photos", type=int, default=PHOTOS)
    parser.add_argument("--dataset", default="rehearsal")
    options = parser.parse_args(arguments)
    try:
        folder = write_kit(options.folder, runs=options.runs, photos=options.photos, dataset=options.dataset)
    except KitError as error:
        print(f"bundle: {error}", file=sys.stderr)
        return error.exit_code
    print(f"wrote {', '.join(sorted(path.name for path in folder.iterdir()))} to {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
