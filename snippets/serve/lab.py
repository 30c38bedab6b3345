"""The endpoint lab's services: each started when first needed, all stopped at the end, none started for a replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snippets.data import image
from snippets.errors import ServerError, ToolMissing
from snippets.load.log import require_answers
from snippets.load.senders import WebTarget
from snippets.load.windows import WINDOW, take_turns
from snippets.machine import browser
from snippets.machine.memory import resident_mb
from snippets.machine.process import Server, StartOptions, http_ready, start_server
from snippets.parts import KIT
from snippets.record.run import Run
from snippets.serve.stages import load_endpoint, photo_target

COFFEE = Path(__file__).parent / "page" / "static" / "coffee.jpg"
SERVICE_NAMES = {"pytorch": "FastAPI, PyTorch", "onnx": "FastAPI, ONNX"}
START_LIMIT_S = 120.0


@dataclass(frozen=True)
class Fault:
    """A bad request: what is sent, of which type, and the status that tells the client so."""

    name: str
    content: bytes
    content_type: str
    status: int


def faults(photo: bytes) -> tuple[Fault, ...]:
    """What goes wrong with uploads in practice."""
    return (
        Fault("a text file named photo.jpg", b"two eggs, one onion", "image/jpeg", 422),
        Fault("a text file that says so", b"two eggs, one onion", "text/plain", 415),
        Fault("half of a photo", photo[: len(photo) // 2], "image/jpeg", 422),
        Fault("50 MB", bytes(50_000_000), "image/jpeg", 413),
        Fault("nothing", b"", "image/jpeg", 422),
    )


class EndpointLab:
    """Endpoints and page of one run. `models`: backend -> weights or ONNX file; `labels`: class names in order.

    Use as a context manager or call `close` at the end. Raises what `snippets.machine.process.start_server` raises.
    """

    def __init__(
        self,
        run: Run,
        models: Mapping[str, Path | str],
        labels: tuple[str, ...],
        *,
        device: str = "cpu",
        threads: int = 0,
    ) -> None:
        self.run, self.models, self.labels, self.device, self.threads = run, dict(models), labels, device, threads
        self._servers: dict[str, Server] = {}

    def __enter__(self) -> EndpointLab:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop every service that was started."""
        while self._servers:
            self._servers.popitem()[1].stop()

    def endpoint(self, backend: str) -> Server:
        """The running endpoint of `backend`, started now if it is not."""
        provider = self.device
        return self._server(
            backend,
            lambda port: [
                "-m",
                "snippets.serve.endpoint",
                "--backend",
                backend,
                "--model",
                str(self.models[backend]),
                "--labels",
                ",".join(self.labels),
                "--provider",
                provider,
                "--threads",
                str(self.threads),
                "--port",
                str(port),
            ],
            "/ready",
        )

    def page(self, extra: tuple[str, ...] = ()) -> Server:
        """The running page, which offers both endpoints; `extra`: more options of `python -m snippets.serve.page`."""
        options = [f"--endpoint={name}={self.endpoint(backend).url}" for backend, name in SERVICE_NAMES.items()]
        return self._server(
            "page",
            lambda port: [
                "-m",
                "snippets.serve.page",
                *options,
                *extra,
                "--labels",
                ",".join(self.labels),
                "--port",
                str(port),
            ],
            "/health",
        )

    def start(self, backend: str) -> dict[str, Any]:
        """Step `endpoint/<backend>/start`: seconds until ready, `load_ms` for the model, resident memory in MB."""

        def measure() -> dict[str, Any]:
            server = self.endpoint(backend)
            described = _json(f"{server.url}/ready")
            return {
                "ready_s": server.ready_s,
                "load_ms": described["load_ms"],
                "threads": described["threads"],
                "rss_mb": resident_mb(server.pid),
                "provider": described["provider"],
            }

        return self.run.step(f"endpoint/{backend}/start", measure, inputs=self.key(backend))

    def answer(self, backend: str, photo: bytes) -> dict[str, Any]:
        """Step `endpoint/<backend>/answer`: the endpoint's answer to one photo."""
        return self.run.step(
            f"endpoint/{backend}/answer",
            lambda: self._post(backend, photo, "image/jpeg").json(),
            inputs=self.key(backend, {"photo": _bytes(photo)}),
        )

    def ask(self, backend: str, photo: bytes) -> dict[str, Any]:
        """The endpoint's answer to one photo, not recorded. Raises ServerError if it refuses it."""
        reply = self._post(backend, photo, "image/jpeg")
        if not reply.is_success:
            raise ServerError(f"The kit's endpoint answers {reply.status_code} to a photo: {reply.text[:200]}.")
        return reply.json()

    def target(self, backend: str, photo: bytes) -> WebTarget:
        """The running endpoint of `backend`, asked with the JPEG file `photo`, for the load generators."""
        return photo_target(self.endpoint(backend).url, photo)

    def refusals(self, photo: bytes, backend: str = "onnx") -> list[dict[str, Any]]:
        """Step `endpoint/<backend>/faults`: for each bad request the status expected, the status got and its reason."""

        def measure() -> dict[str, Any]:
            rows = []
            for fault in faults(photo):
                reply = self._post(backend, fault.content, fault.content_type)
                rows.append(
                    {
                        "name": fault.name,
                        "expected": fault.status,
                        "status": reply.status_code,
                        "detail": str(reply.json().get("detail", "")),
                    }
                )
            return {"rows": rows}

        key = self.key(backend, {"photo": _bytes(photo)})
        return self.run.step(f"endpoint/{backend}/faults", measure, inputs=key)["rows"]

    def loads(
        self, photo: bytes, clients: Sequence[int], seconds: float, windows: int
    ) -> dict[tuple[str, int], dict[str, Any]]:
        """Every endpoint with so many clients, in turn (`windows.take_turns`), by backend and clients.

        A window is a step `endpoint/<backend>-<clients>/load`: a closed loop of `seconds` with each answer's timing
        (`stages.load_endpoint`). Raises ServerError if an endpoint dies under the load or refuses every request: that
        window is not recorded then, and the next run measures it.
        """
        asked = {f"{backend}-{n}": (backend, n) for backend in self.models for n in clients}

        def window(name: str, number: int) -> dict[str, Any]:
            backend, n = asked[name]

            def measure() -> dict[str, Any]:
                server = self.endpoint(backend)
                result = load_endpoint(server.url, photo, n, seconds)
                server.require_alive()
                require_answers(result, server.url)
                return result

            key = self.key(backend, {"photo": _bytes(photo), "clients": n, "seconds": seconds, WINDOW: number})
            return self.run.step(f"endpoint/{name}/load", measure, inputs=key)

        measured = take_turns(tuple(asked), windows, window)
        return {each: measured[name] for name, each in asked.items()}

    def picture(self, name: str, take: Callable[[], bytes]) -> Path | str:
        """The screenshot `name` of the run, taken now if there is none; or, as text, why it cannot be taken."""
        kept = self.run.folder / "screens" / f"{name}.png"
        if self.run.mode == "replay" or (self.run.mode == "resume" and name in self.run.record().screenshots):
            return kept if kept.is_file() else f"The run has no screenshot {name}."
        try:
            return self.run.screenshot(name, take())
        except ToolMissing as error:
            return str(error)

    def swagger(self, backend: str, photo: Path) -> bytes:
        """PNG of the endpoint's Swagger UI with the prediction of `photo` executed in it."""
        return browser.swagger_prediction(self.endpoint(backend).url, str(photo))

    def page_with(self, photo: Path, backend: str) -> bytes:
        """PNG of the page with `photo` classified by `backend`."""
        return browser.page_prediction(self.page().url, str(photo), SERVICE_NAMES[backend])

    def _server(self, name: str, arguments: Callable[[int], list[str]], ready_path: str) -> Server:
        import sys

        server = self._servers.get(name)
        if server is None:
            server = self._servers[name] = start_server(
                name,
                lambda port: [sys.executable, *arguments(port)],
                http_ready(ready_path),
                StartOptions(timeout_s=START_LIMIT_S, log=self.run.folder / "logs" / f"{name}.log", cwd=KIT),
            )
        server.require_alive()
        return server

    def key(self, backend: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What a step on the endpoint of `backend` depends on, and `more`."""
        return {"model": self.models[backend], "device": self.device, "threads": self.threads, **(more or {})}

    def _post(self, backend: str, content: bytes, content_type: str) -> Any:
        import httpx

        url = f"{self.endpoint(backend).url}/predict/image"
        try:
            return httpx.post(url, content=content, headers={"content-type": content_type}, timeout=30, trust_env=False)
        except httpx.HTTPError as error:
            self._servers[backend].require_alive()
            raise ServerError(f"{url} did not answer ({type(error).__name__}: {error}).") from None


def by_hand(model: Callable[[np.ndarray], np.ndarray], photo: bytes) -> np.ndarray:
    """Probabilities (C,) as the evaluation of Part 1 makes them: decode, preprocess, network, postprocess."""
    return image.postprocess(model(image.preprocess(image.decode(photo))))[0]


def _bytes(photo: bytes) -> np.ndarray:
    """A photo's file as an array, as a step's inputs take it."""
    return np.frombuffer(photo, dtype=np.uint8)


def _json(url: str) -> dict[str, Any]:
    import httpx

    reply = httpx.get(url, timeout=10, trust_env=False)
    reply.raise_for_status()
    return reply.json()
