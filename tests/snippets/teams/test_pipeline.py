"""Three ways from a photo's file to its class on a real Triton: the same answer, each by its steps."""

from __future__ import annotations

import numpy as np
import pytest

from snippets.data.image import decode, preprocess
from snippets.load.senders import HttpSender
from snippets.teams import pipeline
from snippets.teams.lab import TeamsLab
from snippets.teams.models import onnx_engine
from snippets.triton import loads
from snippets.triton.config import parse


def test_all_ways_give_the_networks_own_answer(lab: TeamsLab) -> None:
    image = preprocess(decode(pipeline.photo_file().tobytes()))
    (expected,) = onnx_engine.load(lab.teams["photos"].model, 1, "cpu")(image)
    found = pipeline.answers(lab)
    assert list(found) == list(pipeline.WAYS)
    for probabilities in found.values():
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_each_way_is_loaded_in_windows_and_its_steps_are_counted(lab: TeamsLab) -> None:
    found = pipeline.measure(lab)
    assert [len(load["windows"]) for load in found.values()] == [3, 3, 3]
    for load in found.values():
        assert load["failures"] == 0 and load["inferences"] == sum(load["batches"].values()) > 0
        assert load["photo_bytes"] == pipeline.photo_file().size
    # An ensemble and a script ask the first step once for each photo; one model does not.
    asked = lab.server.statistics(pipeline.DECODE).inferences
    assert asked >= found["ensemble"]["inferences"] + found["scripted"]["inferences"]


@pytest.mark.parametrize("way", pipeline.WAYS)
def test_a_file_that_is_no_photo_is_an_error_in_words_and_the_next_photo_is_answered(lab: TeamsLab, way: str) -> None:
    pipeline.answers(lab)
    lab.deploy(pipeline.service(lab, pipeline.DECODE))
    lab.deploy(pipeline.service(lab, "photos"))
    lab.deploy(pipeline.service(lab, pipeline.WAYS[way]))
    sender = HttpSender(loads.target_of(lab.server, pipeline.WAYS[way], {"photo": pipeline.photo_file()[None]}))
    with pytest.raises(Exception, match="not a readable picture"):
        sender.ask({"photo": np.frombuffer(b"no photo at all", dtype=np.uint8)[None]})
    assert sender().as_numpy("probabilities").shape == (1, 3)
    sender.close()


def test_an_ensemble_is_a_description_alone(lab: TeamsLab) -> None:
    deployment = pipeline.service(lab, pipeline.ENSEMBLE)
    message = parse(deployment.config.pbtxt())
    assert message.platform == "ensemble" and not deployment.files
    assert [step.model_name for step in message.ensemble_scheduling.step] == [pipeline.DECODE, "photos"]
