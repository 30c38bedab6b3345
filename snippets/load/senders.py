"""One request to a model server, over and over on one connection: tritonclient (HTTP, gRPC) or plain httpx.

A sender is made inside the thread that uses it. Calling it sends one request and returns what came back; any
answer that is not a success raises. The request is built once: what is timed is the server, not the client.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from snippets.errors import UsageError

if TYPE_CHECKING:
    import ssl

PROTOCOLS = ("http", "grpc", "grpc-shm", "httpx")
TRITON_TYPES = {
    "float32": "FP32",
    "float16": "FP16",
    "float64": "FP64",
    "int64": "INT64",
    "int32": "INT32",
    "int8": "INT8",
    "uint8": "UINT8",
    "bool": "BOOL",
}

_here = threading.local()  # .open: HttpSenders that are open in this thread


class Sender(Protocol):
    """Sends one request each time it is called."""

    def __call__(self) -> Any:
        """Send the request; what came back. Raises what the client library raises for anything but a success."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True)
class TritonTarget:
    """What to ask, of whom: tensors for a model of a Triton server.

    `url`: host:port (of the gRPC endpoint for protocol grpc). `inputs`: name -> array with the batch axis first.
    `timeout_s`: a request without an answer by then is a failure.
    """

    url: str
    model: str
    inputs: Mapping[str, np.ndarray]
    protocol: str = "http"
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise UsageError(f"`{self.protocol}` is no protocol of the load generator; use {', '.join(PROTOCOLS)}.")

    @property
    def batch(self) -> int:
        """Rows in one request."""
        return len(next(iter(self.inputs.values())))

    def sender(self) -> Sender:
        """A new connection; to be used by one thread."""
        makers: dict[str, Callable[[TritonTarget], Sender]] = {
            "http": HttpSender,
            "grpc": GrpcSender,
            "grpc-shm": SharedMemorySender,
            "httpx": HttpxTriton,
        }
        return makers[self.protocol](self)


@dataclass(frozen=True)
class WebTarget:
    """A request to an ordinary web endpoint, sent with httpx: anything but a 2xx answer is a failure.

    So is one without the bytes that it `expects`: a service that has lost its model may go on answering 200.
    """

    url: str
    content: bytes = b""
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    timeout_s: float = 30.0
    batch: int = 1
    protocol: str = "httpx"
    expects: bytes = b""

    def sender(self) -> Sender:
        """A new connection; to be used by one thread."""
        return WebSender(self)


class NoPrediction(Exception):
    """An answer of success that does not hold what was expected of it."""


class HttpSender:
    """tritonclient over HTTP, tensors as binary data."""

    def __init__(self, target: TritonTarget) -> None:
        import tritonclient.http as client

        self._model, self._input = target.model, client.InferInput
        self._client = client.InferenceServerClient(
            target.url, connection_timeout=target.timeout_s, network_timeout=target.timeout_s
        )
        self._inputs = [_fill(client.InferInput, name, array) for name, array in target.inputs.items()]
        _here.open = getattr(_here, "open", 0) + 1

    def __call__(self) -> Any:
        return self._client.infer(self._model, self._inputs)

    def ask(self, inputs: Mapping[str, np.ndarray]) -> Any:
        """One request with other tensors; the reply's `as_numpy(name)` gives an output."""
        tensors = [_fill(self._input, name, array) for name, array in inputs.items()]
        return self._client.infer(self._model, tensors)

    def close(self) -> None:
        """Close the connection and, with a thread's last one, the event loop that tritonclient started there.

        It would outlive the thread with three open files: a few dozen loads and the process may open no more.
        """
        self._client.close()
        _here.open -= 1
        if _here.open == 0 and threading.current_thread() is not threading.main_thread():
            import gevent

            gevent.get_hub().destroy(destroy_loop=True)


class GrpcSender:
    """tritonclient over gRPC."""

    def __init__(self, target: TritonTarget) -> None:
        import tritonclient.grpc as client

        self._model, self._timeout_s = target.model, target.timeout_s
        # Channels with equal options share one connection in gRPC; each client of a load test has its own.
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ]
        self._client = client.InferenceServerClient(target.url, channel_args=options)
        self._inputs = [_fill(client.InferInput, name, array) for name, array in target.inputs.items()]

    def __call__(self) -> Any:
        return self._client.infer(self._model, self._inputs, client_timeout=self._timeout_s)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class SharedMemorySender(GrpcSender):
    """tritonclient over gRPC, the tensors in memory that client and server share: both must be on one machine.

    The request names a place and carries no tensor; the server reads it there. Answers come as usual.
    """

    def __init__(self, target: TritonTarget) -> None:
        import tritonclient.utils.shared_memory as shared

        super().__init__(target)
        self._shared = shared
        self._regions: dict[str, Any] = {}
        self._known = False
        for tensor, array in zip(self._inputs, target.inputs.values(), strict=True):
            rows = np.ascontiguousarray(array)
            name = f"servelab_{os.getpid()}_{uuid.uuid4().hex}"
            self._regions[name] = shared.create_shared_memory_region(name, f"/{name}", rows.nbytes)
            shared.set_shared_memory_region(self._regions[name], [rows])
            tensor.set_shared_memory(name, rows.nbytes)
        self._bytes = [array.nbytes for array in target.inputs.values()]

    def __call__(self) -> Any:
        if not self._known:
            for name, size in zip(self._regions, self._bytes, strict=True):
                self._client.register_system_shared_memory(name, f"/{name}", size, client_timeout=self._timeout_s)
            self._known = True
        return super().__call__()

    def close(self) -> None:
        """Give the memory back and close the connection, also where the server is gone."""
        for name, region in self._regions.items():
            with suppress(Exception):  # whatever tritonclient raises: the server may have ended
                if self._known:
                    self._client.unregister_system_shared_memory(name, client_timeout=self._timeout_s)
            self._shared.destroy_shared_memory_region(region)
        self._regions = {}
        super().close()


class WebSender:
    """httpx with one keep-alive connection."""

    def __init__(self, target: WebTarget) -> None:
        import httpx

        self._expects = target.expects
        self._client = httpx.Client(timeout=target.timeout_s, trust_env=False, verify=_trusted())
        self._request = self._client.build_request(
            target.method, target.url, content=target.content or None, json=target.json, headers=dict(target.headers)
        )

    def __call__(self) -> Any:
        reply = self._client.send(self._request)
        reply.raise_for_status()
        if self._expects and self._expects not in reply.content:
            raise NoPrediction(f"status {reply.status_code}, but no prediction: {reply.text[:100]}")
        return reply

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class HttpxTriton(WebSender):
    """Triton's binary HTTP protocol through httpx: what a client without tritonclient would write."""

    def __init__(self, target: TritonTarget) -> None:
        import tritonclient.http as client

        inputs = [_fill(client.InferInput, name, array) for name, array in target.inputs.items()]
        body, json_size = client.InferenceServerClient.generate_request_body(inputs)
        headers = {"Content-Type": "application/octet-stream"}
        if json_size is not None:
            headers["Inference-Header-Content-Length"] = str(json_size)
        url = f"http://{target.url}/v2/models/{target.model}/infer"
        super().__init__(WebTarget(url, content=bytes(body), headers=headers, timeout_s=target.timeout_s))


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """The certificates that httpx trusts, read once: that takes longer than many a request, and each client would."""
    import httpx

    return httpx.create_ssl_context(trust_env=False)


def _fill(input_class: Any, name: str, array: np.ndarray) -> Any:
    kind = TRITON_TYPES.get(array.dtype.name)
    if kind is None:
        raise UsageError(f"Input `{name}` has the type {array.dtype}; send one of {', '.join(TRITON_TYPES)}.")
    tensor = input_class(name, list(array.shape), kind)
    tensor.set_data_from_numpy(np.ascontiguousarray(array))
    return tensor
