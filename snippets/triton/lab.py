"""The system lab's measurements as recorded steps: models made once, the server started only when something is
still to be measured, so that a replay needs neither Triton nor PyTorch."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from snippets.course import located
from snippets.errors import ModelError, ServerError, UsageError
from snippets.load import loadgen
from snippets.load.loadgen import Scenario
from snippets.load.options import LoadOptions
from snippets.load.windows import WINDOW, take_turns
from snippets.model import challenge
from snippets.record.run import Run, latest_run
from snippets.triton import deployments, instances, loads, server
from snippets.triton.config import Deployment
from snippets.triton.deployments import DEFAULT_SERVICE, ServiceOptions
from snippets.triton.stats import Statistics

REQUEST_PHOTOS = 64
SERVICES = ("food_pytorch", "food_onnx", "similar")
# Logits of two exports of one network differ by rounding only.
SAME_NETWORK = 1e-2
# Length of a closed loop's window by profile, and how many windows a load has; "tiny" is for the kit's own tests, too
# short to learn from.
WINDOW_S = {"tiny": 0.1, "quick": 0.2, "full": 0.8}
WINDOWS = {"tiny": 3, "quick": 5, "full": 5}
# An open loop has a memory, its queue, for which so many times the window must be long enough.
OPEN_LONGER = 2
# A heavy request may take half a second: a shorter window would show none of them.
LONG_ENOUGH_S = 0.5
# How long Triton may take to count what it has answered.
COUNTED_WITHIN_S = 5.0


@dataclass(frozen=True)
class Crowd:
    """Who keeps a heavy service busy: `clients` in a closed loop with requests of `batch` rows."""

    clients: int
    batch: int = 1


@dataclass(frozen=True)
class Asked:
    """One load of a comparison: a deployment, and who asks it with requests of `batch` rows.

    With a `heavy` deployment, the crowd keeps that busy meanwhile.
    """

    deployment: Deployment
    options: LoadOptions
    batch: int = 1
    heavy: Deployment | None = None
    crowd: Crowd = Crowd(1)


class Lab:
    """One notebook's run, its Triton server (not started yet) and the three services of `deployments`.

    triton: "embedded", "container" or "url:http://HOST:PORT"; gpus: how many GPUs the services may use (0: the CPU);
    weights: the classifier, as for weights_file.load_model; onnx: the same network as an fp32 ONNX file, empty for the
    latest model run's if it is that network, or else exported here.
    The run's profile gives the number and length of a load's windows (WINDOWS, WINDOW_S; a LoadGen scenario lasts as
    long as all windows of an open loop). Use as a context manager, or call `close` in the last cell. Raises UsageError
    for an unknown profile.
    """

    def __init__(
        self, run: Run, *, how: str = "embedded", gpus: int = 0, weights: str = "rehearsal", onnx: str = ""
    ) -> None:
        if run.profile not in WINDOW_S:
            raise UsageError(f"profile is {run.profile!r}; the system lab knows {', '.join(WINDOW_S)}.")
        self.run, self.gpus, self.seconds = run, gpus, WINDOW_S[run.profile]
        self.server = server.TritonServer(how, run.folder / "triton", gpus="all" if gpus else "")
        self._weights, self._onnx = weights, onnx

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the server, if it was needed at all, and remove its repository; its log stays in the run."""
        self.server.stop()
        for name in ("repository", "backends"):
            shutil.rmtree(self.run.folder / "triton" / name, ignore_errors=True)

    @cached_property
    def models(self) -> dict[str, Any]:
        """The classifier's files: weights and onnx (paths in the run), classes, labels, source; a recorded step."""
        weights, onnx = (located(p) if located(p).is_file() else p for p in (self._weights, self._onnx))
        return self.run.step("models/food/prepare", self._prepare, inputs={"weights": weights, "onnx": onnx})

    @property
    def similar_path(self) -> Path:
        """Where the catalogue of stored photos is kept: in the cache, being large and the same for everyone."""
        return deployments.similar_photos_file()

    def service(self, name: str, options: ServiceOptions = DEFAULT_SERVICE) -> Deployment:
        """One of SERVICES with these options; without a number of GPUs, with the lab's.

        Raises UsageError for another name.
        """
        if options.gpus is None:
            options = replace(options, gpus=self.gpus)
        if name == "similar":
            return deployments.similar_photos(self.similar_path, options)
        files = self.models
        if name == "food_pytorch":
            return deployments.pytorch_classifier(files["weights"], files["classes"], options)
        if name == "food_onnx":
            return deployments.onnx_classifier(files["onnx"], files["classes"], options)
        raise UsageError(f"There is no service `{name}` in this lab; it has {', '.join(SERVICES)}.")

    def load(self, name: str, deployment: Deployment, options: LoadOptions, *, batch: int = 1) -> dict[str, Any]:
        """`in_turn` of a single load."""
        return self.in_turn({name: Asked(deployment, options, batch)})[name]

    def in_turn(self, asked: Mapping[str, Asked]) -> dict[str, dict[str, Any]]:
        """Put services under load in turn, a window each, as many rounds as the profile has; every round goes the other
        way round, so that its last deployment stays for one window more.

        Each window is recorded as a step `<name>/load`, with its number among the inputs; it is as long as the options
        say, or else the run's profile. Returns the loads by name, their windows joined (`windows.take_turns`); see
        `loads.put_under_load` for the fields.
        """
        return take_turns(
            tuple(asked),
            WINDOWS[self.run.profile],
            lambda name, number: self._window(f"{name}/load", asked[name], number),
        )

    def _window(self, step: str, one: Asked, number: int) -> dict[str, Any]:
        deployment, heavy, service = one.deployment, one.heavy, one.deployment.config.name
        usual = self.seconds if one.options.clients else OPEN_LONGER * self.seconds
        seconds = one.options.seconds or (max(usual, LONG_ENOUGH_S) if heavy else usual)
        options = replace(one.options, seconds=seconds, window=number, windows=WINDOWS[self.run.profile])

        def measure() -> dict[str, Any]:
            ready_s = self.deploy(deployment)
            inputs = self.inputs(service, one.batch)
            if heavy is None:
                result = loads.put_under_load(self.server, service, inputs, options)
            else:
                self.deploy(heavy)
                other = heavy.config.name
                neighbour = loads.Neighbour(other, self.inputs(other, one.crowd.batch), one.crowd.clients)
                result = loads.beside(self.server, service, inputs, options, neighbour)
            return {"ready_s": ready_s, "instances": deployment.config.instance_count, **result}

        more: dict[str, Any] = {"batch": one.batch, **options.key(), WINDOW: number}
        if heavy is not None:
            more |= {
                "heavy": heavy.config.pbtxt(),
                "heavy_batch": one.crowd.batch,
                "heavy_clients": one.crowd.clients,
            }
        return self.run.step(step, measure, inputs=self.key(deployment, more))

    def loadgen(self, name: str, deployment: Deployment, scenario: Scenario) -> dict[str, Any]:
        """One MLPerf LoadGen scenario, as step `<name>/loadgen`; as long as it says, or else the run's profile."""
        seconds = scenario.seconds or OPEN_LONGER * self.seconds * WINDOWS[self.run.profile]
        scenario = replace(scenario, seconds=seconds)

        def measure() -> dict[str, Any]:
            self.deploy(deployment)
            service = deployment.config.name
            target = loads.target_of(self.server, service, self.inputs(service, REQUEST_PHOTOS))
            before = self.server.statistics(service)
            ready = loadgen.sized(target, scenario)
            if ready is not scenario:
                # The trial that sizes a pile is no part of the test.
                before = self._counted(service, before.inferences + loadgen.TRIAL_REQUESTS * scenario.batch)
            result = loadgen.run(target, ready, self.run.folder / "loadgen" / name.replace("/", "-"))
            self.server.check()
            return {**result, "statistics": (self.server.statistics(service) - before).facts()}

        return self.run.step(f"{name}/loadgen", measure, inputs=self.key(deployment, scenario.key()))

    def _counted(self, service: str, inferences: int) -> Statistics:
        """The service's statistics once they hold so many rows: Triton counts a request a moment after its answer."""
        deadline = time.perf_counter() + COUNTED_WITHIN_S
        while (reading := self.server.statistics(service)).inferences < inferences:
            if time.perf_counter() > deadline:
                raise ServerError(
                    f"Triton has counted {reading.inferences} rows of `{service}` where {inferences} were answered."
                    " Does somebody else reload its models? Run this step again."
                )
        return reading

    def answers(self, name: str, deployment: Deployment, photos: int = 16) -> dict[str, Any]:
        """A classifier deployment's logits [photos, classes] for the first photos: step `<name>/outputs`."""

        def ask() -> dict[str, Any]:
            self.deploy(deployment)
            service = deployment.config.name
            sender = loads.target_of(self.server, service, self.inputs(service, photos)).sender()
            try:
                return {"logits": sender().as_numpy("logits")}
            finally:
                sender.close()

        return self.run.step(f"{name}/outputs", ask, inputs=self.key(deployment, {"photos": photos}))

    def answer_challenge(self, code: str = "") -> str:
        """Let Triton answer the run's challenge with the ONNX classifier: step `challenge/triton/logits`."""

        def logits(images: np.ndarray) -> np.ndarray:
            deployment = self.service("food_onnx")
            self.deploy(deployment)
            sender = loads.target_of(self.server, deployment.config.name, {"input": images}).sender()
            try:
                return sender().as_numpy("logits")
            finally:
                sender.close()

        return challenge.answer(self.run, "triton", self.models["onnx"], logits, code)

    def cold_starts(self, name: str, deployment: Deployment, times: int = 3, warm: int = 20) -> dict[str, Any]:
        """Load, ask, unload: `times` over. Step `<name>/cold`: load_ms, first_ms, unload_ms [times] (0: was not
        loaded), warm_ms [times x warm]."""

        def measure() -> dict[str, Any]:
            service, rows = deployment.config.name, []
            # The server itself, and the photos to ask with, are no part of a model's cold start.
            self.server.start()
            inputs = self.inputs(service, 1)
            warm_ms: list[float] = []
            for _ in range(times):
                unload_s = self.server.unload(service) if self.server.ready(service) else 0.0
                load_s = self.deploy(deployment)
                sender = loads.target_of(self.server, service, inputs).sender()
                asked = []
                for _ in range(1 + warm):
                    began = time.perf_counter()
                    sender()
                    asked.append((time.perf_counter() - began) * 1e3)
                sender.close()
                rows.append((unload_s * 1e3, load_s * 1e3, asked[0]))
                warm_ms += asked[1:]
            table = np.array(rows, dtype=np.float64)
            return {
                "load_ms": table[:, 1],
                "first_ms": table[:, 2],
                "warm_ms": np.array(warm_ms),
                "unload_ms": table[:, 0],
            }

        return self.run.step(f"{name}/cold", measure, inputs=self.key(deployment, {"times": times, "warm": warm}))

    def hurried_instances(self) -> int:
        """How many instances a team in a hurry deploys here: step `neighbour/instances`, by the device and its memory.

        Recorded, since memory is free at one moment and not at the next. Older records say it by the cores alone.
        """
        cores = self.run.record().cores()
        if self.run.mode == "replay" and "neighbour/instances" not in self.run.record().names():
            return instances.A_CORE * cores

        def decide() -> dict[str, Any]:
            free_mb, gpu_free_mb = instances.free_memory_mb()
            count = instances.hurried(cores, self.gpus, free_mb, gpu_free_mb)
            return {"count": count, "free_mb": free_mb, "gpu_free_mb": gpu_free_mb}

        return int(self.run.step("neighbour/instances", decide, inputs={"cores": cores, "gpus": self.gpus})["count"])

    def native(self) -> dict[str, Any]:
        """Whether this server has Triton's own ONNX backend: step `triton/native/backend`, {available, reason}."""

        def probe() -> dict[str, Any]:
            try:
                self.deploy(self.service("food_onnx", ServiceOptions(name="food_native", native=True)))
            except ServerError as error:
                return {"available": False, "reason": str(error).splitlines()[0]}
            return {"available": True, "reason": ""}

        return self.run.step("triton/native/backend", probe, inputs={"server": self.server.kind})

    def deploy(self, deployment: Deployment) -> float:
        """Bring a deployment into force (making the catalogue file if it is its); seconds until ready."""
        if self.similar_path in deployment.files.values():
            deployments.write_similar_photos(self.similar_path)
        return self.server.deploy(deployment)

    def inputs(self, service: str, batch: int) -> Mapping[str, np.ndarray]:
        """Request tensors: real photos for the classifier, random embeddings for the search."""
        if service.startswith("similar"):
            rows = np.random.default_rng(1).standard_normal((batch, deployments.EMBEDDING), dtype=np.float32)
            return {"embedding": rows}
        return {"input": self._photos[np.arange(batch) % len(self._photos)]}

    @cached_property
    def _photos(self) -> np.ndarray:
        from snippets.data.datasets import dataset
        from snippets.data.image import preprocess

        return preprocess(np.asarray(dataset("rehearsal").split("evaluation").images[:REQUEST_PHOTOS]))

    def key(self, deployment: Deployment, more: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a step that measures a deployment: its server, configuration and files, and what is `more`."""
        food = not deployment.config.name.startswith("similar")
        files = {kind: self.models[kind] for kind in ("weights", "onnx")} if food else {}
        return {"server": self.server.kind, "config": deployment.config.pbtxt(), **files, **more}

    def _prepare(self) -> dict[str, Any]:
        from snippets.engine.export import export_onnx
        from snippets.model.weights_file import is_onnx, load_model

        if is_onnx(self._weights):
            raise ModelError(
                f"weights={self._weights}: Part 3 serves one network with PyTorch and with ONNX Runtime, and an ONNX "
                "file has no PyTorch module. Give its torch checkpoint as weights and this file as -p onnx=FILE; a "
                "network that is no MobileNetV2 is measured by Parts 1 and 2."
            )
        module, labels = load_model(self._weights)
        weights = deployments.save_state_dict(module, self.run.models / "food_weights.pt")
        path, source = self.run.models / "food.onnx", "exported here"
        model_run = latest_run("model", self.run.folder.parent.parent)
        earlier = located(self._onnx) if self._onnx else model_run / "models" / "fp32.onnx" if model_run else None
        if earlier is not None and earlier.is_file() and self._same(module, len(labels), earlier):
            source = "given" if self._onnx else "the latest model run"
            shutil.copyfile(earlier, path)
        elif self._onnx:
            raise ModelError(
                f"{self._onnx} is missing or not the network of weights={self._weights}: the lab compares engines on"
                " one network. Give both parameters for the same one, or leave onnx empty."
            )
        else:
            export_onnx(module, path)
        return {"weights": weights, "onnx": path, "classes": len(labels), "labels": list(labels), "source": source}

    @staticmethod
    def _same(module: Any, classes: int, path: Path) -> bool:
        """Whether an ONNX file is the module's network: as many classes, and the same logits but for rounding.

        One that does not take the kit's images, such as another run's own model, is another network.
        """
        from snippets.engine.export import count_classes, largest_difference

        try:
            return count_classes(path) == classes and largest_difference(module, path) < SAME_NETWORK
        except Exception:  # the file is somebody's: onnxruntime raises whatever is wrong with it
            return False
