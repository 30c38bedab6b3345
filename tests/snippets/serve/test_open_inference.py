"""The Open Inference Protocol: addresses, what metadata say of a model's images, and both forms of a request."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from snippets.data import image
from snippets.errors import ModelError, ServerError, UsageError
from snippets.serve import open_inference
from snippets.serve.open_inference import BINARY, JSON, address, body, image_input, metadata, outputs
from tests.snippets.serve.own_services import BLUE, RED, Model, Said, inference_app, saying, serving

URL = "http://x/v2/models/m"


def told(datatype: str, *shape: int, name: str = "pixels") -> dict[str, Any]:
    return {"inputs": [{"name": name, "datatype": datatype, "shape": list(shape)}]}


@pytest.mark.parametrize(
    ("url", "server", "model", "own"),
    [
        ("http://h:8000/v2/models/food", "http://h:8000/v2", "food", "/models/food"),
        ("http://h:8000/v2/models/food/infer", "http://h:8000/v2", "food", "/models/food"),
        ("http://h/v2/models/food/versions/3/", "http://h/v2", "food", "/models/food/versions/3"),
        (
            "https://h/serving/ns/food/v2/models/my%20food",
            "https://h/serving/ns/food/v2",
            "my food",
            "/models/my%20food",
        ),
    ],
)
def test_an_address_names_server_model_and_version(url: str, server: str, model: str, own: str) -> None:
    found = address(url)
    assert found is not None and (found.server, found.model, found.url) == (server, model, server + own)


@pytest.mark.parametrize("url", ["http://h/predict", "http://h:5000/", "http://h/v2ray", "http://h/p?to=/v2/models/x"])
def test_other_addresses_are_of_another_protocol(url: str) -> None:
    assert address(url) is None


@pytest.mark.parametrize("path", ["/v2", "/v2/", "/v2/models", "/v2/health/ready", "/v2/repository/index"])
def test_a_server_without_a_model_is_told_how_to_name_one(path: str) -> None:
    listed = Said(body=b'[{"name": "soup", "state": "READY"}, {"name": "food"}]')
    with saying({"/v2/repository/index": listed}) as url, pytest.raises(UsageError) as error:
        address(url + path)
    assert f"Write it as {url}/v2/models/NAME, of food, soup." in str(error.value)


@pytest.mark.parametrize(
    ("shape", "sent", "side", "last", "batch"),
    [
        ((-1, 3, 224, 224), (1, 3, 224, 224), (224, 224), False, 1),
        ((1, 3, 224, 224), (1, 3, 224, 224), (224, 224), False, 1),
        ((4, 3, 96, 128), (4, 3, 96, 128), (96, 128), False, 4),
        ((-1, 299, 299, 3), (1, 299, 299, 3), (299, 299), True, 1),
        ((-1, -1, -1, 3), (1, 224, 224, 3), (224, 224), True, 1),
        ((-1, 3, -1, -1), (1, 3, 224, 224), (224, 224), False, 1),
        ((-1, -1, -1, -1), (1, 3, 224, 224), (224, 224), False, 1),
        ((3, 64, 64), (3, 64, 64), (64, 64), False, 1),
        ((64, 64, 3), (64, 64, 3), (64, 64), True, 1),
    ],
)
def test_images_are_made_for_the_shape(
    shape: tuple[int, ...], sent: tuple[int, ...], side: tuple[int, int], last: bool, batch: int
) -> None:
    takes = image_input(told("FP32", *shape), URL)
    assert (takes.shape, takes.side, takes.channels_last, takes.batch) == (sent, side, last, batch)
    tensor = takes.tensor([BLUE] * batch)
    assert tensor.shape == sent and tensor.dtype == np.float32 and tensor.flags.c_contiguous
    axes = tuple(axis for axis in range(len(sent)) if axis != len(sent) - (1 if last else 3))
    # Blue: the channel means of the normalized picture, whatever the layout.
    expected = image.preprocess(image.decode(BLUE, 224)).mean(axis=(0, 2, 3), dtype=np.float64)
    np.testing.assert_allclose(tensor.mean(axis=axes, dtype=np.float64), expected, atol=1e-3)


def test_each_type_gets_what_it_means() -> None:
    pixels = image_input(told("UINT8", -1, 64, 64, 3), URL).tensor([RED])
    np.testing.assert_array_equal(pixels[0], image.decode(RED, 64))
    half = image_input(told("FP16", 2, 3, 64, 64), URL).tensor([RED, BLUE])
    assert half.dtype == np.float16
    np.testing.assert_allclose(half[1], image.preprocess(image.decode(BLUE, 64))[0], atol=2e-3)
    assert image_input(told("FP64", -1, 3, 8, 8), URL).tensor([RED]).dtype == np.float64
    for shape in ((-1,), (1,), (-1, 1)):
        files = image_input(told("BYTES", *shape), URL).tensor([RED])
        assert files.shape == (1,) * len(shape) and files.ravel()[0] == RED


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"inputs": told("FP32", -1, 3, 8, 8)["inputs"] + told("FP32", 1, name="size")["inputs"]}, "2 inputs .*size"),
        (told("INT8", -1, 3, 224, 224), "FP32, FP16, FP64, UINT8, BYTES"),
        (told("BF16", -1, 3, 224, 224), "`pixels` BF16"),
        (told("FP32", -1, 4), "of 2 axes"),
        (told("FP32", -1, 3, 8, 224, 224), "of 5 axes"),
        (told("FP32", -1, 1, 28, 28), "images of 1 channels"),
        (told("FP32", -1, 3, 5000, 5000), "beyond 2048 pixels"),
        (told("FP32", 1000, 3, 224, 224), "1000 photos a request"),
        (told("BYTES", -1, 7), "one text"),
        (told("BYTES"), "one text"),
    ],
)
def test_a_model_that_takes_no_photos_is_refused_with_what_it_takes(metadata: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelError, match=reason) as error:
        image_input(metadata, URL)
    assert any(word in str(error.value) for word in ("Serve", "Give"))


@pytest.mark.parametrize(("datatype", "shape"), [("FP32", (-1, 3, 8, 8)), ("UINT8", (2, 8, 8, 3)), ("FP16", (3, 8, 8))])
def test_json_holds_exactly_the_tensor_as_the_protocol_writes_it(datatype: str, shape: tuple[int, ...]) -> None:
    takes = image_input(told(datatype, *shape), URL)
    tensor = takes.tensor([RED] * takes.batch)
    request = json.loads(body(JSON, takes, tensor).content)
    assert set(request) == {"inputs"} and set(request["inputs"][0]) == {"name", "shape", "datatype", "data"}
    (given,) = request["inputs"]
    assert (given["name"], given["datatype"], tuple(given["shape"])) == ("pixels", datatype, takes.shape)
    np.testing.assert_array_equal(np.array(given["data"], tensor.dtype).reshape(given["shape"]), tensor)


def test_the_binary_form_has_the_bytes_behind_the_json() -> None:
    takes = image_input(told("FP32", -1, 3, 8, 8), URL)
    tensor = takes.tensor([RED])
    made = body(BINARY, takes, tensor)
    length = int(made.headers["inference-header-content-length"])
    head = json.loads(made.content[:length])
    assert head["inputs"][0]["parameters"] == {"binary_data_size": tensor.nbytes}
    assert made.content[length:] == tensor.tobytes()


def test_a_file_stands_behind_its_length_in_the_binary_form() -> None:
    takes = image_input(told("BYTES", -1, 1), URL)
    made = body(BINARY, takes, takes.tensor([RED]))
    length = int(made.headers["inference-header-content-length"])
    assert json.loads(made.content[:length])["inputs"][0]["shape"] == [1, 1]
    assert made.content[length:] == len(RED).to_bytes(4, "little") + RED


def test_outputs_are_read_from_json_flat_or_nested_and_from_bytes() -> None:
    for data in ([1.0, 2.0], [[1.0, 2.0]]):
        answer = {"outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 2], "data": data}]}
        np.testing.assert_array_equal(outputs(json.dumps(answer).encode(), {})["y"], [[1.0, 2.0]])
    values = np.array([[3.0, 4.0]], dtype=np.float32)
    one = {"name": "y", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": values.nbytes}}
    head = json.dumps({"outputs": [one]}).encode()
    found = outputs(head + values.tobytes(), {"inference-header-content-length": str(len(head))})
    np.testing.assert_array_equal(found["y"], values)


@pytest.mark.parametrize(
    "content", [b"<html>", b"[]", b'{"error": "no"}', b'{"outputs": [{"name": "y"}]}', b"\xff\xfe"]
)
def test_an_answer_of_another_protocol_is_told_as_that(content: bytes) -> None:
    with pytest.raises(ServerError, match="not of Open Inference Protocol"):
        outputs(content, {})


def test_metadata_are_read_of_a_version_too_and_nothing_else_of_them_is_kept() -> None:
    with serving(inference_app({"food": Model()})) as url:
        found = address(f"{url}/v2/models/food/versions/1")
        assert found is not None
        kept = metadata(found)
    assert kept["inputs"] == [{"name": "pixels", "datatype": "FP32", "shape": [-1, 3, 224, 224]}]
    assert kept["platform"] == "python" and set(kept) == {"name", "platform", "versions", "inputs", "outputs"}


def test_what_a_server_writes_null_for_is_taken_as_untold() -> None:
    told_null = {"name": "food", "versions": None, **told("FP32", -1, 3, 8, 8), "outputs": None}
    with saying({"/v2/models/food": Said(body=json.dumps(told_null).encode())}) as url:
        found = address(f"{url}/v2/models/food")
        assert found is not None and metadata(found)["outputs"] == []
    assert "get_input_types" in metadata_of({"/v2/models/food": Said(body=b'{"name": "food", "inputs": null}')})


def metadata_of(answers: dict[str, Said]) -> str:
    with saying(answers) as url:
        found = address(f"{url}/v2/models/food")
        assert found is not None
        with pytest.raises((ServerError, ModelError)) as error:
            metadata(found)
    return str(error.value)


FINE = Said(body=json.dumps({"name": "food", **told("FP32", -1, 3, 224, 224), "outputs": []}).encode())
SERVER = Said(body=b'{"name": "plain", "version": "1", "extensions": []}')


def test_a_model_that_is_not_there_is_told_with_those_that_are() -> None:
    missing = Said(400, b'{"error": "Request for unknown model: \'food\' is not found"}')
    listed = Said(body=b'[{"name": "soup"}]')
    text = metadata_of({"/v2/models/food": missing, "/v2": SERVER, "/v2/repository/index": listed})
    assert "serves no model `food`: Request for unknown model" in text and "It has soup." in text


def test_a_wrong_path_is_told_apart_from_a_missing_model() -> None:
    assert "is no server of Open Inference Protocol: it answers 404" in metadata_of({})


def test_a_model_that_is_not_ready_is_waited_for_by_the_user() -> None:
    text = metadata_of({"/v2/models/food": FINE, "/v2/models/food/ready": Said(503, b'{"error": "still loading"}')})
    assert "is not ready (503, still loading). Wait until it is loaded" in text
    assert "is not ready" in metadata_of(
        {"/v2/models/food": FINE, "/v2/models/food/ready": Said(body=b'{"ready": false}')}
    )


def test_a_server_without_the_question_for_readiness_is_taken_as_ready() -> None:
    with saying({"/v2/models/food": FINE}) as url:
        assert metadata(open_inference.Address(f"{url}/v2", "food", f"{url}/v2/models/food"))["name"] == "food"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Said(body=b"<!doctype html><h1>Welcome</h1>", kind="text/html"), "answers with a web page, not with"),
        (Said(body=b"[1, 2]"), "not with a model's metadata"),
        (Said(body=b'{"inputs": [{"name": "x", "shape": "free"}]}'), "not with a model's metadata"),
        (Said(body=b'{"name": "food", "inputs": []}'), "model-settings.json"),
        (Said(body=b'{"name": "food", "versions": []}'), "name no inputs"),
        (Said(401, b'{"error": "who are you?"}'), "who are you.*sends no sign-in"),
        (Said(500, b"Traceback: out of memory", "text/plain"), "500 .*out of memory.*log"),
    ],
)
def test_what_is_no_metadata_is_told_with_its_reason(said: Said, reason: str) -> None:
    import re

    assert re.search(reason, metadata_of({"/v2/models/food": said}))
