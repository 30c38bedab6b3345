"""The batching endpoint over HTTP: answers, settings, and a student's file that cannot be taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from snippets.serve.batching.app import EMBEDDING, create_app, main, search, written_batcher
from snippets.triton.deployments import write_similar_photos

QUERY = np.linspace(-1, 1, EMBEDDING, dtype=np.float32)
OWN = """import asyncio
while_loading = open("/nonexistent") if False else None
print("not executed")

def first(queue):
    return queue.get()

async def batcher(queue, answer, max_batch, max_delay_s):
    while True:
        await answer([await first(queue)])
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_similar_photos(tmp_path_factory.mktemp("search") / "similar.onnx", photos=64)


def test_the_nearest_photos_are_those_of_the_model_itself(model: Path) -> None:
    compute = search(str(model))
    with TestClient(create_app(compute, lambda: None)) as client:  # type: ignore[arg-type, return-value]
        answer = client.post("/nearest", content=QUERY.tobytes())
    assert answer.status_code == 200 and answer.json()["nearest"] == compute(QUERY[None])[0].tolist()


def test_something_else_than_an_embedding_is_refused_with_what_to_send(model: Path) -> None:
    with TestClient(create_app(search(str(model)), lambda: None)) as client:  # type: ignore[arg-type, return-value]
        answer = client.post("/nearest", content=b"four")
    assert answer.status_code == 422 and "Send 1280 float32 numbers" in answer.json()["detail"]


def test_a_students_batcher_is_taken_from_its_file_and_counted(model: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "functions.py").write_text(OWN)
    with TestClient(create_app(search(str(model)), lambda: written_batcher(tmp_path / "functions.py"))) as client:
        assert client.put("/batcher", json={"own": True, "max_batch": 4, "max_delay_ms": 0}).json()["by"] == "you"
        for _ in range(3):
            assert client.post("/nearest", content=QUERY.tobytes()).status_code == 200
        told = client.get("/batcher").json()
    assert told["by"] == "you" and told["batches"] == {"1": 3} and told["compute_ms"] > 0
    assert "not executed" not in capsys.readouterr().out


@pytest.mark.parametrize("text", ["def half(:\n", "import nothing_of_that_name\n", "x = 1\n"])
def test_a_file_without_a_batcher_leaves_the_kits_with_the_reason(model: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "functions.py").write_text(text)
    with TestClient(create_app(search(str(model)), lambda: written_batcher(tmp_path / "functions.py"))) as client:
        told = client.put("/batcher", json={"own": True, "max_batch": 4, "max_delay_ms": 0}).json()
        assert told["by"] == "the kit" and told["why"].startswith("it cannot be taken: ")
        assert client.post("/nearest", content=QUERY.tobytes()).status_code == 200


def test_a_setting_that_cannot_be_is_refused(model: Path) -> None:
    with TestClient(create_app(search(str(model)), lambda: None)) as client:  # type: ignore[arg-type, return-value]
        for wrong in ({"max_batch": 0, "max_delay_ms": 0}, {"max_batch": 4, "max_delay_ms": -1}):
            assert client.put("/batcher", json=wrong).status_code == 422


def test_a_port_that_is_taken_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["--model", "none.onnx", "--port", str(taken.getsockname()[1])]) != 0
    assert "batching: port" in capsys.readouterr().err
