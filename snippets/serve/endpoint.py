"""The FastAPI endpoint: one factory for every backend, and the command that runs it.

    python -m snippets.serve.endpoint --backend onnx --model runs/model/quick/models/fp32.onnx --port 8000

Every answer's status says what happened: 200 a prediction; 400 and 422 a request that cannot be understood; 408 and 413
one that is too slow or too large; 415 not a picture; 503 the model is loading, failed to load, or too many wait.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse
from fastapi_offline import FastAPIOffline

from snippets.data import image
from snippets.engine.classifier import BACKENDS, REHEARSAL, Classifier, load_classifier
from snippets.errors import DataError, KitError
from snippets.machine.host import cores
from snippets.machine.process import require_free
from snippets.serve.limits import BODY_TIMEOUT_S, DEFAULT_LIMITS, MAX_IMAGE_MB, MEGABYTE, BodyLimits, Limits, too_large
from snippets.serve.refusals import add_error_answers, content_type
from snippets.serve.schema import Health, Prediction, PredictRequest, Problem, Ready, Timing, upload_problem

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff")
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": text}
    for code, text in (
        (408, "The request arrived too slowly"),
        (413, "The photo is too large"),
        (415, "The content is not of a type that can be a photo"),
        (422, "The photo cannot be read"),
        (503, "The model is not loaded, or too many requests wait"),
    )
}


@dataclass
class State:
    """What the requests of one application share. `settled` is set once the model has loaded or failed to."""

    instances: int
    limits: Limits
    classifier: Classifier | None = None
    error: str = ""
    waiting: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    settled: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        # An instance answers one request at a time; the others queue, and their wait is reported.
        self.free = threading.BoundedSemaphore(self.instances)
        # Threads that decode while the instances compute: with more than the processors can run, all get slower.
        self.workers = ThreadPoolExecutor(max(self.instances + 1, cores()), "photo")

    def load(self, load: Callable[[], Classifier], on_failure: Callable[[Exception], None] | None) -> None:
        """Load the model, or keep the reason why it cannot be loaded and tell `on_failure`."""
        try:
            self.classifier = load()
        except Exception as error:
            self.error = str(error) or type(error).__name__
            if on_failure is not None:
                on_failure(error)
        finally:
            self.settled.set()


def create_app(
    load: Callable[[], Classifier],
    *,
    title: str = "GourmetGram",
    instances: int = 1,
    limits: Limits = DEFAULT_LIMITS,
    on_failure: Callable[[Exception], None] | None = None,
) -> FastAPI:
    """An application that classifies photos with the model that `load()` returns.

    `load` runs in a thread once the application has started: `/health` answers at once and `/ready` when it is
    done. If it raises, `/ready` and `/predict` answer 503 with the reason and `on_failure` is told. `instances`
    requests use the model at the same time; with more than the limits allow in the house the next is refused (503).
    """
    state = State(instances, limits)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        threading.Thread(target=state.load, args=(load, on_failure), daemon=True, name="load-model").start()
        yield

    app = FastAPIOffline(
        title=title,
        version="1",
        lifespan=lifespan,
        redoc_url=None,
        description="Send a photo of food, get its class among the eleven of Food-11.",
        swagger_ui_parameters={"tryItOutEnabled": True, "defaultModelsExpandDepth": -1},
    )
    app.state.servelab = state
    # Base64 makes 4 characters of 3 bytes.
    app.add_middleware(
        BodyLimits,
        max_bytes=int(limits.image_mb * MEGABYTE * 4 / 3) + 1000,
        timeout_s=limits.body_timeout_s,
        photo_mb=limits.image_mb,
    )
    add_error_answers(app)
    _add_state(app, state)
    _add_predictions(app, state)
    return app


def _add_state(app: FastAPI, state: State) -> None:
    """Whether the process lives and the model is loaded; the root leads to the documentation."""

    @app.get("/", include_in_schema=False)
    async def to_documentation() -> RedirectResponse:
        return RedirectResponse("docs")

    @app.get("/health", tags=["state"], summary="Is the process alive?")
    async def health() -> Health:
        return Health()

    @app.get("/ready", tags=["state"], summary="Is the model loaded?", responses={503: PROBLEMS[503]})
    async def ready() -> Ready:
        model = _loaded(state)
        return Ready(
            backend=model.backend,
            model=model.model,
            provider=model.provider,
            threads=model.threads,
            instances=state.instances,
            classes=list(model.labels),
            load_ms=model.load_ms,
        )


def _add_predictions(app: FastAPI, state: State) -> None:
    """The two ways to send a photo: as text in JSON, and as it is."""

    @app.post("/predict", tags=["predict"], summary="Classify a photo sent as base64 in JSON", responses=PROBLEMS)
    async def predict(request: PredictRequest) -> Prediction:
        try:
            content = request.image_bytes()
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return await _classify(state, content)

    @app.post(
        "/predict/image",
        tags=["predict"],
        summary="Classify a photo sent as it is",
        responses=PROBLEMS,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {name: {"schema": {"type": "string", "format": "binary"}} for name in IMAGE_TYPES},
            }
        },
    )
    async def predict_image(request: Request) -> Prediction:
        kind = content_type(request)
        if not kind.startswith("image/"):
            raise HTTPException(
                415, f"The content type is {kind or 'missing'}: name the photo's own, such as image/jpeg."
            )
        content = await request.body()
        if len(content) > state.limits.image_mb * MEGABYTE:
            raise HTTPException(413, too_large(state.limits.image_mb))
        return await _classify(state, content)


async def _classify(state: State, content: bytes) -> Prediction:
    model = _loaded(state)
    with state.lock:
        if state.waiting >= state.limits.waiting:
            raise HTTPException(
                503,
                f"{state.limits.waiting} requests wait already. Try again in a second.",
                headers={"Retry-After": "1"},
            )
        state.waiting += 1
    try:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(state.workers, predict_photo, model, content, state.free, time.perf_counter())
    except DataError as error:
        raise HTTPException(422, upload_problem(error)) from None
    finally:
        with state.lock:
            state.waiting -= 1


def predict_photo(
    model: Classifier, content: bytes, free: threading.BoundedSemaphore, arrived: float | None = None
) -> Prediction:
    """Decode, preprocess, wait for a free instance, infer and postprocess one photo, timing each.

    `arrived`: when it did (time.perf_counter); waiting since then is queueing too. Raises DataError if `content` is not
    a picture.
    """
    stamps = [time.perf_counter()]
    waited_ms = 0.0 if arrived is None else (stamps[0] - arrived) * 1e3

    def stamp() -> None:
        stamps.append(time.perf_counter())

    pixels = image.decode(content)
    stamp()
    batch = image.preprocess(pixels)
    stamp()
    with free:
        stamp()
        logits = model.logits(batch)
        stamp()
    probabilities = image.postprocess(logits)[0]
    stamp()
    best = int(probabilities.argmax())
    decode, preprocess, queue, inference, postprocess = (
        (end - start) * 1e3 for start, end in zip(stamps, stamps[1:], strict=False)
    )
    return Prediction(
        prediction=model.labels[best],
        probability=float(probabilities[best]),
        probabilities={name: float(value) for name, value in zip(model.labels, probabilities, strict=True)},
        timing=Timing(
            decode_ms=decode,
            preprocess_ms=preprocess,
            queue_ms=waited_ms + queue,
            inference_ms=inference,
            postprocess_ms=postprocess,
        ),
    )


def _loaded(state: State) -> Classifier:
    if state.classifier is not None:
        return state.classifier
    if state.error:
        raise HTTPException(503, f"The model failed to load: {state.error}")
    raise HTTPException(503, "The model is still loading. Try again in a second.", headers={"Retry-After": "1"})


def _load(options: argparse.Namespace, labels: tuple[str, ...]) -> Classifier:
    """The model as the command's options describe it."""
    return load_classifier(
        options.backend, options.model, threads=options.threads, provider=options.provider, labels=labels
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one endpoint until it is told to stop; the exit code is that of the error, if any."""
    parser = argparse.ArgumentParser(prog="python -m snippets.serve.endpoint", description="Serve a model over HTTP.")
    parser.add_argument("--backend", choices=BACKENDS, default="onnx")
    parser.add_argument("--model", default=REHEARSAL, help="weights (pytorch) or an ONNX file (onnx)")
    parser.add_argument("--labels", default="", help="class names, comma-separated; default: the model's own")
    parser.add_argument("--provider", default="cpu", help="execution provider (onnx) or device (pytorch)")
    parser.add_argument("--threads", type=int, default=0, help="threads of the model; 0: one a physical core")
    parser.add_argument("--instances", type=int, default=1, help="requests that use the model at the same time")
    parser.add_argument("--max-image-mb", type=float, default=MAX_IMAGE_MB)
    parser.add_argument("--body-timeout-s", type=float, default=BODY_TIMEOUT_S)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    labels = tuple(name for name in options.labels.split(",") if name)
    try:
        require_free(options.port, options.host)
    except KitError as error:
        print(f"endpoint: {error}", file=sys.stderr)
        return error.exit_code
    failures: list[Exception] = []

    def failed(error: Exception) -> None:
        failures.append(error)
        server.should_exit = True

    app = create_app(
        lambda: _load(options, labels),
        title=f"GourmetGram: {options.backend}",
        instances=options.instances,
        limits=Limits(options.max_image_mb, options.body_timeout_s),
        on_failure=failed,
    )
    import uvicorn

    config = uvicorn.Config(app, host=options.host, port=options.port, log_level="warning", timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    server.run()
    if failures:
        print(f"endpoint: {failures[0]}", file=sys.stderr)
        return failures[0].exit_code if isinstance(failures[0], KitError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
