"""Services of somebody's own, for tests: an Open Inference Protocol server that speaks JSON only, GourmetGram's upload
page, and a server that answers whatever it is told.

The first is written from the protocol's specification (kserve/open-inference-protocol, inference_rest), and holds a
request to it: whatever does not fit gets 400 and the reason under `error`.
"""

from __future__ import annotations

import base64
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, Response

from snippets.data import image
from snippets.data.food11_classes import CLASSES
from snippets.machine.process import free_port
from tests.snippets.servers import encoded, plain

RED, GREEN, BLUE = (encoded(plain(colour), "JPEG", quality=95) for colour in ("red", "lime", "blue"))
KINDS = {"FP32": np.float32, "FP16": np.float16, "UINT8": np.uint8, "INT8": np.int8, "FP64": np.float64}


@dataclass
class Model:
    """A model of the JSON server: it scores each class by the picture's mean colour (red is 0, green 1, blue 2)."""

    datatype: str = "FP32"
    shape: Sequence[int] = (-1, 3, 224, 224)
    channels: int = 1
    ready: bool = True
    inputs: list[dict[str, Any]] | None = None
    answer: Callable[[np.ndarray], list[dict[str, Any]]] | None = None
    seen: list[dict[str, Any]] = field(default_factory=list)

    def metadata(self, name: str) -> dict[str, Any]:
        """As the specification has it."""
        own = [{"name": "pixels", "datatype": self.datatype, "shape": list(self.shape)}]
        return {
            "name": name,
            "versions": ["1"],
            "platform": "python",
            "inputs": own if self.inputs is None else self.inputs,
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, len(CLASSES)]}],
        }

    def infer(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The outputs for a request. Raises ValueError with the reason for one that does not fit the metadata."""
        (given,) = request["inputs"]
        self.seen.append({name: given[name] for name in ("name", "shape", "datatype")})
        if given["name"] != "pixels" or given["datatype"] != self.datatype:
            raise ValueError(f"unexpected input {given['name']} of {given['datatype']}")
        shape = given["shape"]
        fits = len(shape) == len(self.shape) and all(w in (-1, s) for s, w in zip(shape, self.shape, strict=True))
        if not fits:
            raise ValueError(f"unexpected shape {shape}, expected {list(self.shape)}")
        values = self._values(given, shape)
        if self.answer is not None:
            return self.answer(values)
        batch = values if values.ndim == 4 else values[None]
        axes = (2, 3) if self.channels == 1 else (1, 2)
        scores = np.full((len(batch), len(CLASSES)), -500.0)
        scores[:, :3] = batch.astype(np.float64).mean(axis=axes)
        return [_output("scores", "FP32", scores)]

    def _values(self, given: Mapping[str, Any], shape: Sequence[int]) -> np.ndarray:
        if self.datatype == "BYTES":
            if given.get("parameters", {}).get("content_type") != "base64":
                raise ValueError("BYTES must be base64 and say so")
            files = [base64.b64decode(text, validate=True) for text in given["data"]]
            return image.preprocess(np.stack([image.decode(one) for one in files]))
        values = np.array(given["data"], dtype=KINDS[self.datatype])
        if values.size != np.prod(shape):
            raise ValueError(f"unexpected data: {values.size} elements for the shape {shape}")
        return values.reshape(shape)


def _output(name: str, datatype: str, values: np.ndarray) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": list(values.shape), "data": values.ravel().tolist()}


def inference_app(models: Mapping[str, Model]) -> FastAPI:
    """The JSON server with these models."""
    app = FastAPI()

    def error(status: int, text: str) -> JSONResponse:
        return JSONResponse({"error": text}, status)

    @app.get("/v2")
    def server() -> dict[str, Any]:
        return {"name": "plain", "version": "1", "extensions": []}

    @app.get("/v2/models/{name}")
    @app.get("/v2/models/{name}/versions/1")
    def metadata(name: str) -> Response:
        if name not in models:
            return error(404, f"model {name} not found")
        return JSONResponse(models[name].metadata(name))

    @app.get("/v2/models/{name}/ready")
    @app.get("/v2/models/{name}/versions/1/ready")
    def ready(name: str) -> Response:
        return Response(status_code=200 if models[name].ready else 400)

    @app.post("/v2/models/{name}/infer")
    @app.post("/v2/models/{name}/versions/1/infer")
    async def infer(name: str, request: Request) -> Response:
        try:
            outputs = models[name].infer(json.loads(await request.body()))
        except (ValueError, KeyError, TypeError) as problem:
            return error(400, str(problem))
        return JSONResponse({"model_name": name, "model_version": "1", "outputs": outputs})

    return app


def gourmetgram_app(broken: threading.Event) -> FastAPI:
    """The lecture's page: a photo in the form field `file`, a button with the class; with status 200 also for failures,
    which `broken` makes of all requests."""
    app = FastAPI()

    @app.post("/predict")
    async def upload(file: UploadFile) -> HTMLResponse:
        if broken.is_set():
            return HTMLResponse('<a href="#" class="badge badge-warning">Warning</a>')
        mean = image.decode(await file.read()).mean(axis=(0, 1))
        return HTMLResponse(f'<button type="button" class="btn btn-info btn-sm">{CLASSES[int(mean.argmax())]}</button>')

    return app


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application on a free port of this machine, in a thread; its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


@dataclass(frozen=True)
class Said:
    """What to answer: a status, a body, and its type."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    drips: bool = False


@contextmanager
def saying(answers: Mapping[str, Said]) -> Iterator[str]:
    """A server that gives each path its answer, and 404 to any other; one that `drips` sends a byte now and then."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            said = answers.get(self.path, Said(404, b"<h1>Not Found</h1>", "text/html"))
            self.send_response(said.status)
            for name, value in {"content-type": said.kind, **said.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(10**6 if said.drips else len(said.body)))
            self.end_headers()
            while said.drips and not ended.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()
            self.wfile.write(said.body)

        do_GET = do_POST = answer

        def log_message(self, *args: object) -> None:
            return

    ended = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
