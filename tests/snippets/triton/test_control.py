"""Triton's answers over HTTP: counters are read whole, and a refusal keeps Triton's own reason."""

from __future__ import annotations

import io
import json
import urllib.error
from email.message import Message

import pytest

from snippets.triton import control


@pytest.mark.parametrize("apart", [1, 1000])
def test_a_reading_that_caught_an_execution_half_counted_is_taken_again(
    monkeypatch: pytest.MonkeyPatch, apart: int
) -> None:
    readings: list[int] = []

    def reply(_address: str, _path: str) -> str:
        readings.append(1)
        rows = 3 if len(readings) <= apart else 2
        sizes = [{"batch_size": 2, "compute_infer": {"count": 1}}]
        return json.dumps({"model_stats": [{"inference_count": rows, "execution_count": 1, "batch_stats": sizes}]})

    monkeypatch.setattr(control, "get", reply)
    assert control.statistics("127.0.0.1:9", "any").settled == (apart == 1)
    assert len(readings) == min(apart + 1, control.STATISTICS_READINGS)


@pytest.mark.parametrize(("body", "reason"), [(b'{"error": "no such file"}', "no such file"), (b"gone", "gone")])
def test_a_refusal_is_told_in_tritons_words(monkeypatch: pytest.MonkeyPatch, body: bytes, reason: str) -> None:
    def refuse(address: str, path: str, *_: object) -> str:
        assert path == "v2/repository/models/food/load"
        raise urllib.error.HTTPError(address, 400, "bad", Message(), io.BytesIO(body))

    monkeypatch.setattr(control, "get", refuse)
    with pytest.raises(control.Refused, match=reason):
        control.change("127.0.0.1:9", "food", "load", {}, 1.0)


def test_a_model_that_the_index_does_not_name_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "get", lambda *_: json.dumps([{"name": "food", "state": "READY"}, {"name": "new"}]))
    states = [control.state("127.0.0.1:9", name) for name in ("food", "new", "other")]
    assert states == ["READY", "UNAVAILABLE", "UNAVAILABLE"]


def test_nobody_at_an_address_is_no_answer() -> None:
    assert not control.answers("127.0.0.1:9", "v2/health/live")
