"""What the framework refuses is said in one sentence, without sending the request back."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.testclient import TestClient

from snippets.serve.refusals import add_error_answers
from snippets.serve.schema import PredictRequest


def client() -> TestClient:
    app = FastAPI()
    add_error_answers(app)

    @app.post("/predict")
    def predict(request: PredictRequest) -> str:
        raise RuntimeError(f"a bug that would show {request.image}")

    return TestClient(app, raise_server_exceptions=False)


def test_another_content_type_is_told_where_to_go() -> None:
    answer = client().post("/predict", content=b"secret", headers={"content-type": "text/plain; charset=utf-8"})
    assert answer.status_code == 415
    assert answer.json()["detail"].startswith("The content type is text/plain: send JSON")


def test_a_missing_field_is_named_with_an_example() -> None:
    answer = client().post("/predict", json={"picture": "secret"})
    assert answer.status_code == 422 and "image: Field required" in answer.json()["detail"]
    assert "secret" not in answer.text


def test_a_failure_of_the_model_says_its_kind_and_nothing_of_the_photo() -> None:
    answer = client().post("/predict", json={"image": "secret"})
    assert (answer.status_code, answer.json()["detail"]) == (500, "The model failed on this photo (RuntimeError).")
