"""The models measured in a page, beside the native runtime, as steps of a run: `browser/...`.

    material = gather(run, files, profile=profile)
    with Visit(partial(resources, material), Headless()) as visit:  # opened when something has to be measured
        measure(run, material, visit, profile=profile)

A round holds a block of every model in the page and of every model in native ONNX Runtime, with as many threads, so
that the two are compared round by round. Where the browser is on another machine, only its own blocks are taken.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.data import image
from snippets.edge import bundle, device
from snippets.edge.browser import vendor
from snippets.edge.browser.page import PHASES, InPage, Page
from snippets.edge.browser.server import Resource
from snippets.edge.browser.visit import Visit
from snippets.engine.turns import ROUNDS, Entrant, Turns
from snippets.errors import ModelError, ToolMissing, first_line
from snippets.files import sha256_bytes
from snippets.machine.browser import chromium_path
from snippets.measure.blocks import Rules
from snippets.measure.calls import cycle

if TYPE_CHECKING:
    from snippets.record.run import Run

GROUP = "browser"
FACTS, MATERIAL, ABSENT = (f"{GROUP}/{name}" for name in ("facts", "material", "absent"))
VARIANTS = ("fp32", "dynamic", "conservative")
STATIC = Path(__file__).with_name("static")
STYLE = Path(__file__).parents[2] / "pages.css"
# By profile: photos that are classified, cold starts of each model, and how blocks are taken.
PHOTOS = {"quick": 22, "full": 200}
STARTS = {"quick": 2, "full": 10}
RULES = {
    "quick": Rules(calls=8, unmeasured=2, block_ms=100.0, patience_s=0.2),
    "full": Rules(patience_s=3.0),
}
NO_WEBGPU = "onnxruntime-web's build for it is larger than what this lab may load (15 MB)"


@dataclass(frozen=True)
class Material:
    """What the page is given: models by variant, photos uint8 (N,224,224,3) when they are needed, labels int64 (N,).

    `classes`: how many each model tells apart; `absent`: which models there are not, and why.
    """

    models: dict[str, Path]
    photos: Callable[[], np.ndarray]
    labels: np.ndarray
    fingerprint: str
    classes: dict[str, int]
    absent: dict[str, str]


def gather(
    run: Run, files: bundle.Kit, *, kit: str = "", dataset: str = "rehearsal", profile: str = "quick"
) -> Material:
    """The models of Part 2 that the page measures, and its photos: more than Part 2's in the profile full.

    A model that does not take the kit's images as they are is absent. Raises DataError.
    """
    cache: list[np.ndarray] = []
    offered = {variant: files.models[variant] for variant in VARIANTS if variant in files.models}

    def load() -> np.ndarray:
        if not cache:
            cache.append(bundle.read_photos(kit, dataset, PHOTOS[profile])[0])
        return cache[0]

    def describe() -> dict[str, Any]:
        images, labels = bundle.read_photos(kit, dataset, PHOTOS[profile])
        cache[:] = [images]
        classes: dict[str, int] = {}
        refused: dict[str, str] = {}
        for variant, model in offered.items():
            try:
                classes[variant] = classes_of(model)
            except ModelError as error:
                refused[variant] = str(error)
        photos = {"labels": labels, "count": len(labels), "sha256": sha256_bytes(images.tobytes())}
        return {**photos, "classes": classes, "refused": refused}

    if run.mode == "replay" and run.has(MATERIAL):
        told = run.record().result(MATERIAL)
    else:
        source = {"kit": Path(kit) / bundle.PHOTOS_FILE} if kit else {"dataset": dataset}
        told = run.step(MATERIAL, describe, inputs={**source, "photos": PHOTOS[profile], "models": offered})
    classes = {variant: int(count) for variant, count in told["classes"].items()}
    models = {variant: model for variant, model in offered.items() if variant in classes}
    absent = {variant: files.absent.get(variant, "it is not there") for variant in VARIANTS if variant not in models}
    return Material(models, load, np.asarray(told["labels"]), told["sha256"], classes, absent | told["refused"])


def classes_of(model: Path) -> int:
    """How many classes a model file tells apart. Raises ModelError for one that the page could not feed."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"{model} cannot be loaded ({first_line(error)}). Is it a whole ONNX file?") from None
    (taken, *more), given = session.get_inputs(), session.get_outputs()
    sides = [side if isinstance(side, int) else None for side in taken.shape]
    fits = len(sides) == 4 and sides[0] in (1, None) and sides[1] in (3, None)
    if more or taken.type != "tensor(float)" or not fits or {*sides[2:]} - {image.SIDE, None}:
        raise ModelError(
            f"{model.name} takes {taken.type} {taken.shape}; the page feeds one float32 image of "
            f"3x{image.SIDE}x{image.SIDE} at a time, as the kit's own models take it."
        )
    last = given[0].shape[-1]
    return last if isinstance(last, int) else 1_000_000


def resources(material: Material) -> dict[str, Resource]:
    """All that the page may fetch, by path. Raises ToolMissing where onnxruntime-web is not here."""
    if reason := vendor.absence():
        raise ToolMissing(f"{reason[0].upper()}{reason[1:]}.")
    package = vendor.package()
    scale, offset = image.normalization()
    setup = {
        "side": image.SIDE,
        "scale": scale.tolist(),
        "offset": offset.tolist(),
        "photos": len(material.labels),
        "timed": device.PHOTOS_TIMED,
        "most_threads": device.MAX_THREADS,
        "version": package.version,
        "no_webgpu": NO_WEBGPU,
        "commands": 40 * len(material.models),
    }
    found = {name: Resource(STATIC / name) for name in ("page.js", "page.css", "worker.js", "preprocess.js")}
    found |= {"": Resource(STATIC / "index.html"), "pages.css": Resource(STYLE)}
    found |= {f"ort/{Path(name).name}": Resource(package.path(Path(name).name)) for name in package.files}
    found |= {f"models/{variant}": Resource(model) for variant, model in material.models.items()}
    found["photos"] = Resource(lambda: material.photos().tobytes())
    found["setup"] = Resource(lambda: json.dumps(setup).encode(), "application/json")
    return found


class _PageCanary:
    """The canary of the browser's own machine, where that is another one."""

    def __init__(self, visit: Visit, threads: int) -> None:
        self._visit = visit

    def __call__(self) -> float:
        return self._visit.page().canary()

    def close(self) -> None:
        """Nothing is open."""


def absence() -> str:
    """Why this machine cannot measure in a browser by itself, with the remedy; empty if it can."""
    try:
        chromium_path()
        import playwright  # noqa: F401
    except ToolMissing:
        return "there is no Chromium here (Debian or Ubuntu: sudo apt-get install chromium)"
    except ImportError:
        return "Playwright is not installed here (pip install playwright)"
    return vendor.absence()


def measure(run: Run, material: Material, visit: Visit, *, profile: str) -> None:
    """All steps of `browser/...` that the run does not hold yet. What was finished is kept whatever happens.

    Raises PageGone where the tab was closed in the middle: the next call goes on.
    """
    facts = run.step(FACTS, lambda: visit.page().facts.step(visit.remote), inputs={})
    visit.insist(facts)
    threads, remote = int(facts["threads"]), bool(facts["remote"])
    for variant, model in material.models.items():
        repeats = STARTS[profile]
        run.step(
            f"{GROUP}/wasm-{variant}/start",
            cold_starts,
            visit.page,
            variant,
            threads,
            repeats,
            inputs={"model": model, "threads": threads, "repeats": repeats},
        )
    turns = _turns(run, material, visit, threads, remote, profile)
    for number, (variant, model) in enumerate(material.models.items(), start=1):
        turns.take(number)
        _classified(run, material, visit, variant, threads)
        if not remote:
            run.step(
                f"{GROUP}/native-{variant}/accuracy",
                lambda: device.classify(model, material.photos(), material.labels, threads=threads),  # noqa: B023
                inputs={"model": model, "photos": material.fingerprint, "threads": threads},
            )
    turns.take_all(ROUNDS[profile])
    turns.results()


def cold_starts(page: Callable[[], Page], variant: str, threads: int, repeats: int) -> dict[str, Any]:
    """The result of a `start` step: float64 (repeats,) of ms for each of PHASES and `answered_ms`."""
    taken = [page().start(variant, threads) for _ in range(repeats)]
    names = (*(f"{phase}_ms" for phase in PHASES), "answered_ms")
    return {**{name: np.array([one[name] for one in taken]) for name in names}, "threads": threads}


def _classified(run: Run, material: Material, visit: Visit, variant: str, threads: int) -> None:
    model = material.models[variant]

    def classify() -> dict[str, Any]:
        found = visit.page().classify(variant, threads, len(material.labels), material.classes[variant])
        return {"predictions": found, "labels": material.labels, "split": "evaluation"}

    inputs = {"model": model, "photos": material.fingerprint, "threads": threads}
    run.step(f"{GROUP}/wasm-{variant}/accuracy", classify, inputs=inputs)


def _turns(run: Run, material: Material, visit: Visit, threads: int, remote: bool, profile: str) -> Turns:
    """Every model in the page with all threads, and with one, and natively with all."""

    def in_page(variant: str, count: int) -> InPage:
        visit.page().load(variant, count)
        return InPage(visit.page, variant, count)

    def native(model: Path) -> Callable[[], Any]:
        inputs = image.preprocess(material.photos()[: device.PHOTOS_TIMED])
        return cycle(device.classifier(model, threads), [inputs[i : i + 1] for i in range(len(inputs))])

    entrants = {}
    for variant, model in material.models.items():
        inputs = {"model": model, "photos": material.fingerprint}
        # What threads bring is seen at one model; the others' single thread is for who has the time.
        for count in sorted({1, threads} if variant == "fp32" or profile == "full" else {threads}):
            name = f"wasm-{variant}-threads-{count}"
            entrants[name] = Entrant(f"{GROUP}/{name}", partial(in_page, variant, count), "wasm", count, inputs)
        if not remote:
            name = f"native-{variant}-threads-{threads}"
            entrants[name] = Entrant(f"{GROUP}/{name}", partial(native, model), "cpu", threads, inputs)
    # The browser's own processor time cannot be told from that of others, so that the canary alone looks.
    unknown: Callable[[], Callable[[], float]] = lambda: lambda: math.nan  # noqa: E731
    if remote:
        return Turns(
            run, GROUP, entrants, RULES[profile], canary=partial(_PageCanary, visit), others=unknown, place="page"
        )
    return Turns(run, GROUP, entrants, RULES[profile], others=unknown)


def prepare(run: Run) -> str:
    """Empty where the run holds a browser's measurements or this machine can make them; else why not, noted."""
    names = run.record().names()
    if FACTS in names:
        return ""
    noted = run.mode == "replay" and ABSENT in names
    reason = str(run.record().result(ABSENT)["reason"]) if noted else absence()
    if not reason:
        return ""
    # For all that questions rest on.
    for name in (GROUP, f"{GROUP}/wasm-fp32"):
        run.step(f"{name}/absent", lambda: {"reason": reason}, inputs={"reason": reason})
    return f"Not measured: {reason}."
