"""Somebody's own service, asked in the form that it takes: real servers of unlike kinds, and every refusal's reason."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from snippets.data.food11_classes import CLASSES
from snippets.errors import ModelError, ServerError
from snippets.load.loops import closed_loop
from snippets.serve import own_service
from snippets.serve.endpoint import create_app
from snippets.serve.own_service import PROTOCOL, UPLOAD, describe, predict, target
from snippets.triton.config import Deployment, ModelConfig, Tensor
from snippets.triton.deployments import MODELS
from snippets.triton.server import TritonServer
from tests.snippets.serve.own_services import (
    BLUE,
    GREEN,
    RED,
    Model,
    Said,
    gourmetgram_app,
    inference_app,
    saying,
    serving,
)
from tests.snippets.servers import toy_classifier

COLOURS = [RED, GREEN, BLUE]
EXPECTED = list(CLASSES[:3])


def asked(url: str, photos: int = 3) -> dict[str, Any]:
    """Describe a service, and see that it tells the colours and takes a load without a failure."""
    facts = describe(url, BLUE, CLASSES)
    assert facts["named"] == CLASSES[2]
    assert predict(facts, COLOURS[:photos], CLASSES) == EXPECTED[:photos]
    load = closed_loop(target(facts, RED if facts["protocol"] == PROTOCOL else BLUE), 2, 0.2, warm_up_s=0)
    assert load["failures"] == 0 and load["ok"].sum() > 0, load["errors"]
    assert load["batch"] == facts["batch"]
    assert json.loads(json.dumps(facts)) == facts, "facts are a record's plain values"
    return facts


@pytest.mark.parametrize(
    ("model", "batch"),
    [
        (Model(), 1),
        (Model(shape=(1, 3, 224, 224)), 1),
        (Model(shape=(4, 3, 64, 96)), 4),
        (Model("UINT8", (-1, 96, 96, 3), channels=3), 1),
        (Model("FP64", (-1, -1, -1, 3), channels=3), 1),
        (Model("FP16", (3, 64, 64)), 1),
        (Model("BYTES", (-1,)), 1),
        (Model("BYTES", (-1, 1)), 1),
    ],
    ids=lambda value: f"{value.datatype} {value.shape}" if isinstance(value, Model) else "",
)
def test_a_server_that_speaks_json_only_is_asked_in_json(model: Model, batch: int) -> None:
    with serving(inference_app({"food": model})) as url:
        facts = asked(f"{url}/v2/models/food")
    assert facts["protocol"] == PROTOCOL and facts["sent"] == "JSON" and facts["batch"] == batch
    assert model.datatype in facts["takes"] and {given["datatype"] for given in model.seen} == {model.datatype}


SCORING = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
import numpy as np
from batch import answer

def scores(batch):
    found = np.full((len(batch), 11), -500.0, dtype=np.float32)
    axes = (1, 2) if batch.shape[-1] == 3 else (2, 3)
    found[:, :3] = batch.astype(np.float32).mean(axis=axes)
    return found

class TritonPythonModel:
    def execute(self, requests):
        return answer(requests, "pixels", "scores", scores)
"""


def scoring(folder: Path, datatype: str, shape: tuple[int, ...], max_batch: int = 4) -> Deployment:
    """The colours' model on a real Triton."""
    model = folder / "scoring.py"
    model.write_text(SCORING)
    config = ModelConfig(
        f"own_{datatype.lower()}",
        "python",
        (Tensor("pixels", datatype, shape),),
        (Tensor("scores", "FP32", (11,)),),
        max_batch=max_batch,
    )
    return Deployment(config, {"model.py": model, "batch.py": MODELS / "batch.py"})


@pytest.mark.parametrize(
    ("datatype", "shape"), [("FP32", (3, 224, 224)), ("FP16", (3, 64, 64)), ("UINT8", (96, 128, 3))]
)
def test_a_real_triton_gets_its_tensors_as_bytes(
    triton_server: TritonServer, tmp_path: Path, datatype: str, shape: tuple[int, ...]
) -> None:
    deployment = scoring(tmp_path, datatype, shape)
    triton_server.deploy(deployment)
    facts = asked(f"http://{triton_server.url}/v2/models/{deployment.config.name}")
    assert facts["sent"] == "binary" and facts["metadata"]["inputs"][0]["shape"] == [-1, *shape]
    assert facts["request_bytes"] < 4 * np.prod(shape) + 1000


def test_a_real_triton_tells_of_a_model_that_it_has_not(triton_server: TritonServer) -> None:
    with pytest.raises(ServerError, match="serves no model `nothing`: .*unknown model"):
        describe(f"http://{triton_server.url}/v2/models/nothing", BLUE, CLASSES)


def test_a_real_triton_of_two_inputs_is_refused(triton_server: TritonServer, tmp_path: Path) -> None:
    from dataclasses import replace

    one = scoring(tmp_path, "FP32", (3, 8, 8))
    inputs = (*one.config.inputs, Tensor("size", "INT64", (2,)))
    triton_server.deploy(replace(one, config=replace(one.config, name="own_two", inputs=inputs)))
    with pytest.raises(ModelError, match=r"takes 2 inputs \(pixels, size\)"):
        describe(f"http://{triton_server.url}/v2/models/own_two", BLUE, CLASSES)


def test_the_port_of_tritons_grpc_is_told_as_that(triton_server: TritonServer) -> None:
    with pytest.raises(ServerError, match=r"does not speak HTTP|broke off its answer"):
        describe(f"http://{triton_server.grpc_url}/v2/models/food", BLUE, CLASSES)


@pytest.mark.parametrize(("path", "sent"), [("/predict", "json:image"), ("/predict/image", "file")])
def test_the_kits_own_endpoint_is_taken_as_a_strangers(path: str, sent: str) -> None:
    with serving(create_app(toy_classifier)) as url:
        while httpx.get(f"{url}/ready", trust_env=False).status_code != 200:
            pass
        facts = asked(url + path)
    assert facts["protocol"] == UPLOAD and facts["sent"] == sent


def test_gourmetgrams_page_is_asked_with_its_form_and_its_button_read() -> None:
    broken = threading.Event()
    with serving(gourmetgram_app(broken)) as url:
        facts = asked(f"{url}/predict")
        assert facts["sent"] == "form:file"
        # Its model is gone; the page still answers 200.
        broken.set()
        load = closed_loop(target(facts, BLUE), 1, 0.2, warm_up_s=0)
        assert load["failures"] == len(load["ok"]) > 0 and "no prediction" in next(iter(load["errors"]))
        with pytest.raises(ServerError, match="a web page that names no class: `Warning`"):
            describe(f"{url}/predict", BLUE, CLASSES)


def test_a_server_that_reads_only_the_json_before_the_bytes_is_asked_in_json() -> None:
    """It would answer to an empty picture, as fast as you like."""

    class Careless(Model):
        def infer(self, request: Any) -> list[dict[str, Any]]:
            given = request["inputs"][0]
            return super().infer({"inputs": [{**given, "data": given.get("data", [0.0] * (3 * 64 * 64))}]})

    app = inference_app({"food": Careless(shape=(-1, 3, 64, 64))})

    async def first_json_only(scope: Any, receive: Any, send: Any) -> None:
        async def cut() -> Any:
            message = await receive()
            if message["type"] == "http.request" and message["body"]:
                message["body"] = json.dumps(
                    json.JSONDecoder().raw_decode(message["body"].decode("latin-1"))[0]
                ).encode()
            return message

        headers = [pair for pair in scope.get("headers", []) if pair[0] != b"content-length"]
        await app({**scope, "headers": headers} if scope["type"] == "http" else scope, cut, send)

    with serving(first_json_only) as url:  # type: ignore[arg-type]
        assert describe(f"{url}/v2/models/food", BLUE, CLASSES)["sent"] == "JSON"


def test_a_model_that_fails_is_told_in_the_servers_words() -> None:
    def fail(values: np.ndarray) -> list[dict[str, Any]]:
        raise ValueError("the weights are for another network")

    with serving(inference_app({"food": Model(answer=fail)})) as url, pytest.raises(ServerError) as error:
        describe(f"{url}/v2/models/food", BLUE, CLASSES)
    assert f"{url}/v2/models/food/infer answers 400 to a photo: the weights are for another network" in str(error.value)


def test_an_answer_without_a_class_is_no_measurement() -> None:
    def boxes(values: np.ndarray) -> list[dict[str, Any]]:
        return [{"name": "area", "datatype": "FP32", "shape": [1, 1], "data": [0.5]}]

    with serving(inference_app({"food": Model(answer=boxes)})) as url:
        with pytest.raises(ServerError, match="its answer tells no class"):
            describe(f"{url}/v2/models/food", BLUE, CLASSES)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (Said(404, b"Not Found", "text/plain"), "404 .*Not Found.*Correct the path"),
        (Said(405, b"{}"), "405 .*does not take POST"),
        (Said(403, b'{"message": "sign in first"}'), "sign in first.*sends no sign-in"),
        (Said(308, headers={"location": "/predict/"}), "Give that address"),
        (Said(500, b'{"error": "CUDA out of memory"}'), "500 .*CUDA out of memory.*log"),
        (Said(200, b'{"status": "queued"}'), "an answer that names no class: `.*queued"),
        (Said(200, b"<html><title>Upload</title><form></form></html>", "text/html"), "web page that names no class"),
    ],
)
def test_an_upload_that_gives_no_class_is_told_why(said: Said, reason: str) -> None:
    with saying({"/predict": said}) as url, pytest.raises(ServerError, match=reason):
        describe(f"{url}/predict", BLUE, CLASSES)


def test_a_service_that_hangs_over_the_photo_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_service, "TRIAL_S", 0.5)
    with saying({"/predict": Said(drips=True)}) as url, pytest.raises(ServerError, match="no whole answer within"):
        describe(f"{url}/predict", BLUE, CLASSES)
