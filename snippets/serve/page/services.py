"""What answers the page's questions: an endpoint of this kit, or a model on Triton, behind one function."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.data import image
from snippets.errors import ServerError, UsageError

if TYPE_CHECKING:
    import httpx

KINDS = ("endpoint", "triton")


@dataclass(frozen=True)
class Service:
    """A service to choose on the page: its `name` there, its `url`, and for Triton the `model`."""

    name: str
    url: str
    kind: str = "endpoint"
    model: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"{self.name}: a service's kind is one of {', '.join(KINDS)}, not {self.kind!r}.")
        if self.kind == "triton" and not self.model:
            raise UsageError(f"{self.name}: name the model that Triton should answer with.")

    @property
    def ready_path(self) -> str:
        """The path that answers with status 200 once the service can classify."""
        return "/ready" if self.kind == "endpoint" else f"/v2/models/{self.model}/ready"


@dataclass(frozen=True)
class Answer:
    """The classes with their probabilities, most probable first."""

    ranking: tuple[tuple[str, float], ...]


class Refusal(ServerError):
    """The service answered, but not with a prediction. `status` is the HTTP status to pass on."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


async def is_ready(client: httpx.AsyncClient, service: Service) -> bool:
    """Does the service say that it can answer now?"""
    import httpx

    try:
        return (await client.get(service.url + service.ready_path, timeout=2.0)).status_code == 200
    except httpx.HTTPError:
        return False


async def classify(
    client: httpx.AsyncClient, service: Service, content: bytes, content_type: str, labels: Sequence[str]
) -> Answer:
    """Let `service` classify a photo's file.

    `labels` are the class names, which Triton does not know. Raises Refusal with a sentence for the person who
    sent the photo, DataError if the file is not a picture (Triton: the page decodes it).
    """
    import httpx

    try:
        if service.kind == "endpoint":
            answer = await client.post(
                f"{service.url}/predict/image", content=content, headers={"content-type": content_type}
            )
            named = _body(service, answer)["probabilities"]
        else:
            logits = await _triton_logits(client, service, image.preprocess(image.decode(content)))
            if len(logits) != len(labels):
                raise Refusal(502, f"{service.name} gave {len(logits)} values for {len(labels)} classes.")
            probabilities = image.postprocess(np.array([logits]))[0]
            named = {name: float(value) for name, value in zip(labels, probabilities, strict=True)}
    except httpx.TimeoutException:
        raise Refusal(504, f"{service.name} did not answer in time. Try again, or choose another service.") from None
    except httpx.HTTPError as error:
        raise Refusal(
            502, f"{service.name} cannot be reached at {service.url} ({type(error).__name__}). Is it running?"
        ) from None
    return Answer(tuple(sorted(named.items(), key=lambda item: -item[1])))


async def _triton_logits(client: httpx.AsyncClient, service: Service, batch: np.ndarray) -> list[float]:
    """Logits of one image through Triton's HTTP protocol with binary input.

    Source: the KServe v2 protocol and Triton's binary tensor data extension.
    """
    header: dict[str, Any] = {
        "inputs": [
            {
                "name": "input",
                "shape": list(batch.shape),
                "datatype": "FP32",
                "parameters": {"binary_data_size": batch.nbytes},
            }
        ],
        "outputs": [{"name": "logits", "parameters": {"binary_data": False}}],
    }
    text = json.dumps(header).encode()
    answer = await client.post(
        f"{service.url}/v2/models/{service.model}/infer",
        content=text + np.ascontiguousarray(batch, dtype="<f4").tobytes(),
        headers={
            "content-type": "application/octet-stream",
            "inference-header-content-length": str(len(text)),
        },
    )
    return _body(service, answer)["outputs"][0]["data"]


def _body(service: Service, answer: httpx.Response) -> dict[str, Any]:
    """The JSON of a good answer; a Refusal with the service's own reason for any other."""
    try:
        body = answer.json()
    except ValueError:
        body = {}
    if answer.status_code != 200:
        reason = body.get("detail") or body.get("error") or answer.reason_phrase
        # What the service says of the photo concerns the visitor (4xx); anything else is the service's fault.
        status = answer.status_code if 400 <= answer.status_code < 500 and service.kind == "endpoint" else 502
        raise Refusal(status, str(reason))
    return body
