"""The endpoint's answers: predictions for pictures, and the right status with a helpful sentence for all else."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from snippets.data import image
from snippets.data.food11_classes import CLASSES
from snippets.errors import ModelError
from snippets.machine.process import Server, StartOptions, free_port, http_ready, start_server
from snippets.serve.endpoint import create_app
from snippets.serve.limits import Limits
from tests.snippets.servers import (
    animation,
    encoded,
    plain,
    rotated_by_exif,
    save_toy_onnx,
    top_red_bottom_blue,
    toy_classifier,
)

JPEG = encoded(plain("red"), "JPEG")


def as_text(content: bytes) -> dict[str, str]:
    return {"image": base64.b64encode(content).decode()}


def client_of(load, **options) -> TestClient:
    """A client of a started application whose model has loaded, or failed to."""
    client = TestClient(create_app(load, **options), raise_server_exceptions=False)
    client.__enter__()
    assert client.app.state.servelab.settled.wait(10)  # type: ignore[attr-defined]
    return client


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    client = client_of(toy_classifier, limits=Limits(image_mb=1))
    yield client
    client.__exit__(None, None, None)


def send(client: TestClient, content: bytes, kind: str = "image/jpeg") -> httpx.Response:
    return client.post("/predict/image", content=content, headers={"content-type": kind})


def test_both_ways_of_sending_a_photo_give_the_prediction_that_the_kit_itself_makes(client: TestClient) -> None:
    model = toy_classifier()
    expected = image.postprocess(model.logits(image.preprocess(image.decode(JPEG))))[0]
    for answer in (send(client, JPEG), client.post("/predict", json=as_text(JPEG))):
        assert answer.status_code == 200
        body = answer.json()
        assert body["prediction"] == "Bread" == CLASSES[int(expected.argmax())]
        assert body["probability"] == max(body["probabilities"].values())
        np.testing.assert_allclose(list(body["probabilities"].values()), expected, rtol=1e-5)
        assert sum(body["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert set(body["timing"]) == {"decode_ms", "preprocess_ms", "queue_ms", "inference_ms", "postprocess_ms"}
        assert all(value >= 0 for value in body["timing"].values())


def test_a_data_url_is_accepted(client: TestClient) -> None:
    text = "data:image/jpeg;base64," + as_text(JPEG)["image"]
    assert client.post("/predict", json={"image": text}).json()["prediction"] == "Bread"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (animation(), "Dairy product"),  # the first frame is green
        (encoded(plain("blue", (1, 1)), "PNG"), "Dessert"),
        (encoded(plain("red", mode="CMYK"), "JPEG"), "Bread"),
        (encoded(plain("lime", mode="P"), "PNG"), "Dairy product"),
        (encoded(plain("blue", (2000, 3)), "PNG"), "Dessert"),
    ],
    ids=["animated GIF", "1x1", "CMYK", "palette", "very wide"],
)
def test_unusual_pictures_are_classified(client: TestClient, content: bytes, expected: str) -> None:
    answer = send(client, content, "image/png")
    assert answer.status_code == 200, answer.text
    assert answer.json()["prediction"] == expected


def test_a_photo_rotated_by_exif_is_seen_upright() -> None:
    seen: list[np.ndarray] = []

    def remember(batch: np.ndarray) -> np.ndarray:
        seen.append(batch)
        return np.zeros((len(batch), len(CLASSES)), dtype=np.float32)

    client = client_of(lambda: toy_classifier(remember))
    # Stored upside down, with the note "turn by 180 degrees".
    assert send(client, rotated_by_exif(top_red_bottom_blue().rotate(180), 3)).status_code == 200
    client.__exit__(None, None, None)
    red = seen[-1][0, 0]
    assert red[:100].mean() > red[-100:].mean() + 2


@pytest.mark.parametrize(
    ("content", "kind", "status", "says"),
    [
        (b"two eggs, one onion", "image/jpeg", 422, "not a readable picture"),
        (b"two eggs, one onion", "text/plain", 415, "text/plain"),
        (JPEG[: len(JPEG) // 2], "image/jpeg", 422, "not a readable picture"),
        (b"", "image/jpeg", 422, "not a readable picture"),
        (JPEG, "", 415, "missing"),
        (b"x" * 2_000_000, "image/jpeg", 413, "larger than the 1 MB"),
        (b"x" * 1_100_000, "image/jpeg", 413, "larger than the 1 MB"),
    ],
    ids=["text named JPEG", "text", "half a JPEG", "nothing", "no type", "too large", "a little too large"],
)
def test_bad_photos_are_refused_with_a_reason(
    client: TestClient, content: bytes, kind: str, status: int, says: str
) -> None:
    answer = send(client, content, kind)
    assert answer.status_code == status
    assert says in answer.json()["detail"]
    assert "object at 0x" not in answer.text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (as_text(JPEG)["image"][:-3], "cut off"),
        ("two eggs!", "not base64"),
        ("", "image"),
        (as_text(b"two eggs, one onion")["image"], "not a readable picture"),
        (7, "image"),
    ],
    ids=["truncated", "not base64", "empty", "text in base64", "a number"],
)
def test_bad_base64_is_refused_with_a_reason(client: TestClient, body: object, says: str) -> None:
    answer = client.post("/predict", json={"image": body})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert len(answer.text) < 600, "the refusal must not send the photo back"


@pytest.mark.parametrize(
    ("request_body", "status"),
    [
        ({"json": {}}, 422),
        ({"json": {"picture": "AAAA"}}, 422),
        ({"content": b"{not json", "headers": {"content-type": "application/json"}}, 422),
        ({"content": b"image=1", "headers": {"content-type": "application/x-www-form-urlencoded"}}, 415),
    ],
)
def test_requests_of_another_form_are_refused(client: TestClient, request_body: dict, status: int) -> None:
    answer = client.post("/predict", **request_body)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)


def test_alive_is_not_yet_ready_and_a_failed_load_says_why() -> None:
    release = threading.Event()

    def slow():
        release.wait(10)
        raise ModelError("weights.safetensors: half a file. Download it again.")

    told: list[Exception] = []
    failed = threading.Event()
    app = create_app(slow, on_failure=lambda error: (told.append(error), failed.set()))
    with TestClient(app) as client:
        assert client.get("/health").status_code == 200
        waiting = client.get("/ready")
        assert waiting.status_code == 503 and "still loading" in waiting.json()["detail"]
        assert send(client, JPEG).status_code == 503
        release.set()
        assert failed.wait(10)
        assert client.get("/health").status_code == 200
        assert "half a file" in client.get("/ready").json()["detail"]
        assert send(client, JPEG).status_code == 503
    assert isinstance(told[0], ModelError)


def test_ready_describes_the_model(client: TestClient) -> None:
    body = client.get("/ready").json()
    assert body["classes"] == list(CLASSES)
    assert (body["backend"], body["provider"], body["threads"]) == ("onnx", "cpu", 1)


def test_a_model_that_fails_is_a_server_error_not_a_success() -> None:
    def broken(batch: np.ndarray) -> np.ndarray:
        raise RuntimeError("secret path")

    client = client_of(lambda: toy_classifier(broken))
    answer = send(client, JPEG)
    client.__exit__(None, None, None)
    assert answer.status_code == 500
    assert "RuntimeError" in answer.json()["detail"] and "secret" not in answer.text


def test_one_instance_answers_one_request_at_a_time_and_refuses_beyond_the_limit() -> None:
    inside, gate = [], threading.Event()
    most = []

    def slow(batch: np.ndarray) -> np.ndarray:
        inside.append(1)
        most.append(len(inside))
        gate.wait(10)
        inside.pop()
        return np.zeros((1, len(CLASSES)), dtype=np.float32)

    client = client_of(lambda: toy_classifier(slow), limits=Limits(waiting=2))
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: answers.append(send(client, JPEG))) for _ in range(2)]
    for thread in threads:
        thread.start()
    state = client.app.state.servelab  # type: ignore[attr-defined]
    deadline = threading.Event()
    for _ in range(500):
        if state.waiting == 2:
            break
        deadline.wait(0.01)
    refused = send(client, JPEG)
    gate.set()
    for thread in threads:
        thread.join(10)
    client.__exit__(None, None, None)
    assert refused.status_code == 503 and refused.headers["retry-after"] == "1"
    assert [answer.status_code for answer in answers] == [200, 200]
    assert max(most) == 1
    assert max(answer.json()["timing"]["queue_ms"] for answer in answers) > 0


def test_the_documentation_needs_no_other_host(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "swagger-ui-bundle.js" in page
    assert "http://" not in page and "https://" not in page
    schema = client.get("/openapi.json").json()
    assert set(schema["paths"]) == {"/health", "/ready", "/predict", "/predict/image"}
    answers = schema["paths"]["/predict"]["post"]["responses"]
    assert {"200", "408", "413", "415", "422", "503"} <= set(answers)
    assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/Prediction")


@pytest.fixture(scope="module")
def toy_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_toy_onnx(tmp_path_factory.mktemp("model") / "toy.onnx")


@pytest.fixture(scope="module")
def real(root: Path, toy_onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The endpoint as its command starts it."""
    with start_server(
        "endpoint",
        lambda port: [
            sys.executable,
            "-m",
            "snippets.serve.endpoint",
            "--backend",
            "onnx",
            "--model",
            str(toy_onnx),
            "--threads",
            "1",
            "--body-timeout-s",
            "1",
            "--port",
            str(port),
        ],
        http_ready("/ready"),
        StartOptions(cwd=root, log=tmp_path_factory.mktemp("endpoint") / "log"),
    ) as server:
        yield server


def test_the_command_serves_a_real_onnx_file(real: Server) -> None:
    answer = httpx.post(f"{real.url}/predict", json=as_text(JPEG), timeout=20)
    assert answer.status_code == 200
    assert answer.json()["prediction"] == "Bread"


def test_fifty_megabytes_are_refused_and_the_server_lives_on(real: Server) -> None:
    answer = httpx.post(
        f"{real.url}/predict/image",
        content=b"\xff\xd8" + bytes(50_000_000),
        headers={"content-type": "image/jpeg"},
        timeout=30,
    )
    assert answer.status_code == 413
    assert httpx.get(f"{real.url}/ready").status_code == 200


def test_a_client_that_hangs_is_told_and_delays_nobody(real: Server) -> None:
    with socket.create_connection(("127.0.0.1", real.port), timeout=10) as hanging:
        head = ["POST /predict/image HTTP/1.1", "Host: x", "Content-Type: image/jpeg", "Content-Length: 999"]
        hanging.sendall("\r\n".join([*head, "", "half"]).encode())
        answer = httpx.post(f"{real.url}/predict/image", content=JPEG, headers={"content-type": "image/jpeg"})
        assert answer.status_code == 200
        assert b"408" in hanging.recv(1000).split(b"\r\n")[0]


def test_a_port_that_is_taken_ends_the_command_with_an_error(real: Server, root: Path, toy_onnx: Path) -> None:
    command = [sys.executable, "-m", "snippets.serve.endpoint", "--model", str(toy_onnx), "--port", str(real.port)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 13
    assert f"port {real.port}" in done.stderr and "Traceback" not in done.stderr


def test_a_model_that_does_not_exist_ends_the_command_with_its_exit_code(root: Path) -> None:
    command = [sys.executable, "-m", "snippets.serve.endpoint", "--model", "nowhere.onnx", "--port", str(free_port())]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == ModelError.exit_code
    assert "nowhere.onnx" in done.stderr and "Traceback" not in done.stderr
