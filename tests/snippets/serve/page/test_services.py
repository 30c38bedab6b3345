"""An endpoint's and Triton's answers become one ranking, and every fault a status and a sentence for the visitor."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

from snippets.data import image
from snippets.errors import DataError, UsageError
from snippets.serve.page.services import Answer, Refusal, Service, classify, is_ready
from tests.snippets.servers import encoded, plain

PHOTO = encoded(plain("red"), "JPEG")
LABELS = ("Bread", "Soup", "Rice")
ENDPOINT = Service("FastAPI", "http://endpoint")
TRITON = Service("Triton", "http://triton", "triton", "food")
Reply = Callable[[httpx.Request], httpx.Response]


def asked(service: Service, reply: Reply, content: bytes = PHOTO) -> Answer:
    """What `classify` makes of a service that replies like this."""

    async def ask() -> Answer:
        async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as client:
            return await classify(client, service, content, "image/jpeg", LABELS)

    return asyncio.run(ask())


def ready(service: Service, reply: Reply) -> bool:
    async def ask() -> bool:
        async with httpx.AsyncClient(transport=httpx.MockTransport(reply)) as client:
            return await is_ready(client, service)

    return asyncio.run(ask())


def always(status: int, body: Any) -> Reply:
    return lambda request: httpx.Response(status, json=body)


def raising(error: Exception) -> Reply:
    def reply(request: httpx.Request) -> httpx.Response:
        raise error

    return reply


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (("A", "http://a", "grpc"), "A: a service's kind is one of endpoint, triton, not 'grpc'"),
        (("T", "http://t", "triton"), "T: name the model"),
    ],
)
def test_a_service_of_no_use_is_refused(fields: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Service(*fields)


def test_an_endpoint_gets_the_photo_as_it_came_and_its_answer_is_ranked() -> None:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"probabilities": {"Soup": 0.2, "Bread": 0.7, "Rice": 0.1}})

    assert asked(ENDPOINT, reply).ranking == (("Bread", 0.7), ("Soup", 0.2), ("Rice", 0.1))
    (request,) = seen
    assert str(request.url) == "http://endpoint/predict/image"
    assert request.headers["content-type"] == "image/jpeg" and request.content == PHOTO


def test_triton_gets_the_decoded_photo_as_binary_and_its_logits_become_probabilities() -> None:
    seen: list[httpx.Request] = []

    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"outputs": [{"data": [0.0, math.log(2), 0.0]}]})

    # e^0 : e^log 2 : e^0 are 1 : 2 : 1.
    ranking = asked(TRITON, reply).ranking
    assert [name for name, _ in ranking] == ["Soup", "Bread", "Rice"]
    assert [share for _, share in ranking] == pytest.approx([0.5, 0.25, 0.25])
    (request,) = seen
    length = int(request.headers["inference-header-content-length"])
    header, pixels = json.loads(request.content[:length]), request.content[length:]
    assert str(request.url) == "http://triton/v2/models/food/infer"
    assert header["inputs"][0]["parameters"] == {"binary_data_size": len(pixels)}
    batch = np.frombuffer(pixels, dtype="<f4").reshape(header["inputs"][0]["shape"])
    assert np.array_equal(batch, image.preprocess(image.decode(PHOTO)))


def test_a_model_of_other_classes_than_the_pages_is_refused() -> None:
    with pytest.raises(Refusal, match="Triton gave 2 values for 3 classes") as refused:
        asked(TRITON, always(200, {"outputs": [{"data": [0.0, 1.0]}]}))
    assert refused.value.status == 502


def test_what_is_no_picture_never_reaches_triton() -> None:
    def reply(request: httpx.Request) -> httpx.Response:
        raise AssertionError("it was asked")

    with pytest.raises(DataError, match="not a readable picture"):
        asked(TRITON, reply, b"a recipe")


@pytest.mark.parametrize(
    ("service", "reply", "status", "says"),
    [
        # What the endpoint says of the photo is the visitor's to mend; what it says of itself is not.
        (ENDPOINT, always(415, {"detail": "not a picture"}), 415, "not a picture"),
        (ENDPOINT, always(500, {"detail": "out of memory"}), 502, "out of memory"),
        (TRITON, always(400, {"error": "unknown model"}), 502, "unknown model"),
        (ENDPOINT, lambda request: httpx.Response(503, text="<html>"), 502, "Service Unavailable"),
        (ENDPOINT, raising(httpx.ReadTimeout("slow")), 504, "FastAPI did not answer in time"),
        (TRITON, raising(httpx.ConnectError("refused")), 502, r"Triton cannot be reached at http://triton \(Connect"),
    ],
)
def test_a_fault_has_a_status_and_a_sentence(service: Service, reply: Reply, status: int, says: str) -> None:
    with pytest.raises(Refusal, match=says) as refused:
        asked(service, reply)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("service", "path"), [(ENDPOINT, "/ready"), (TRITON, "/v2/models/food/ready")], ids=["endpoint", "triton"]
)
def test_each_kind_is_asked_at_its_own_path_whether_it_is_ready(service: Service, path: str) -> None:
    assert ready(service, lambda request: httpx.Response(200 if request.url.path == path else 404))


def test_a_service_that_loads_still_or_is_gone_is_not_ready() -> None:
    assert not ready(ENDPOINT, always(503, {}))
    assert not ready(ENDPOINT, raising(httpx.ConnectError("refused")))
