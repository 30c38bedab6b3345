"""One template for two frameworks: what it writes, what it copies, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.errors import UsageError
from snippets.teams import template
from snippets.teams.card import Card
from snippets.teams.handed_in import PHOTOS, SORTER
from snippets.teams.template import HandedIn, render
from snippets.triton.config import parse


def test_a_card_fills_the_description_that_triton_parses(teams: dict[str, HandedIn]) -> None:
    card = Card("photos_own", instances=2, threads=3, max_batch=8, delay_ms=1.5)
    message = parse(render(card, teams[PHOTOS]).config.pbtxt())
    assert (message.name, message.backend, message.max_batch_size) == ("photos_own", "python", 8)
    assert message.instance_group[0].count == 2
    assert message.dynamic_batching.max_queue_delay_microseconds == 1500
    assert message.parameters["threads"].string_value == "3"
    assert (list(message.input[0].dims), list(message.output[0].dims)) == ([3, 224, 224], [3])


def test_a_batch_of_one_is_no_dynamic_batching(teams: dict[str, HandedIn]) -> None:
    assert not parse(render(Card("sorter"), teams[SORTER]).config.pbtxt()).HasField("dynamic_batching")


def test_only_a_framework_that_can_use_a_gpu_is_put_on_one(teams: dict[str, HandedIn]) -> None:
    assert "KIND_GPU gpus: [ 0, 1 ]" in render(Card("photos"), teams[PHOTOS], gpus=2).config.pbtxt()
    assert "KIND_CPU" in render(Card("sorter"), teams[SORTER], gpus=2).config.pbtxt()


def test_without_a_self_test_the_parameter_is_empty(teams: dict[str, HandedIn]) -> None:
    said = [
        parse(render(Card("photos"), teams[PHOTOS], tolerance=tolerance).config.pbtxt()).parameters["self_test"]
        for tolerance in (0.01, None)
    ]
    assert [one.string_value for one in said] == ["0.01", ""]


def test_both_frameworks_get_the_same_code_and_an_engine_of_their_own(teams: dict[str, HandedIn]) -> None:
    photos, sorter = (render(Card(name), teams[name]).files for name in (PHOTOS, SORTER))
    assert photos["model.py"] == sorter["model.py"]
    assert photos["engine.py"] != sorter["engine.py"]
    assert {"model.onnx", "self_test.npz", "batch.py"} < photos.keys() and "model.joblib" in sorter


def test_a_place_in_the_template_that_nothing_fills_is_an_error(
    teams: dict[str, HandedIn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spelled = tmp_path / "config.pbtxt.j2"
    spelled.write_text(template.TEMPLATE.read_text().replace("card.threads", "card.treads"))
    monkeypatch.setattr(template, "TEMPLATE", spelled)
    with pytest.raises(Exception, match="treads"):
        render(Card("photos"), teams[PHOTOS])


def test_a_framework_without_an_engine_is_refused_with_those_that_have_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no engine for TensorFlow; it has ONNX, scikit-learn\. Write one"):
        HandedIn("TensorFlow", tmp_path / "m", tmp_path / "e", 11)
