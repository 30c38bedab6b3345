"""A config.pbtxt that somebody wrote: mistakes by line, what Triton refuses, and the kit's description instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.errors import UsageError
from snippets.load.options import LoadOptions
from snippets.record.run import open_run
from snippets.triton.config import InstanceGroup, ModelConfig, Tensor
from snippets.triton.lab import Lab
from snippets.triton.written import STEP, described, written

EMBEDDING, NEAREST = Tensor("embedding", "FP32", (1280,)), Tensor("nearest", "INT64", (5,))
LIKE = ModelConfig("similar_mine", "python", (EMBEDDING,), (NEAREST,))
TEXT = LIKE.pbtxt() + "dynamic_batching { max_queue_delay_microseconds: 100 }\n"


def test_a_description_is_kept_letter_for_letter_and_its_numbers_are_known() -> None:
    text = TEXT.replace("count: 1", "count: 2") + "# mine\n"
    found = written(text, LIKE)
    assert found.pbtxt() == text and found.instance_count == 2 and found.max_batch == 16


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TEXT.replace("max_batch_size", "max_batch_sise"), r"3:1.*max_batch_sise"),
        (TEXT.replace('"similar_mine"', '"other"'), 'called name: "similar_mine" here, not "other"'),
        (TEXT.replace("count: 1", "count: 500"), "500 instances are too many"),
        ("now write it yourself", "not valid"),
    ],
)
def test_a_mistake_is_told_by_its_line_or_its_field(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        written(text, LIKE)


assert LIKE.instances == (InstanceGroup(),)


def lab_of(runs: Path, mode: str = "resume") -> Lab:
    return Lab(open_run("system", notebook="3_batching", run_id="t", runs=runs, profile="tiny", mode=mode))


def test_triton_loads_what_was_written_and_says_why_it_does_not(tmp_path: Path) -> None:
    from snippets.triton.deployments import ServiceOptions

    with lab_of(tmp_path) as lab:
        kit = lab.service("similar", ServiceOptions("similar_mine"))
        good = kit.config.pbtxt() + "dynamic_batching { }\n"
        bad = {
            good.replace('"nearest"', '"furthest"'): "has the output nearest",
            good.replace("dims: [ 1280 ]", "dims: [ 12 ]"): "does not answer",
            good.replace('backend: "python"', 'backend: "fortran"'): "could not load",
            "": "",
        }
        for text, why in bad.items():
            found = described(lab, text, kit)
            assert found.by == "the kit" and why in found.why, text
            assert found.told.startswith("The kit's description is used")
        own = described(lab, good, kit)
        assert own.by == "you" and own.deployment.config.pbtxt() == good
        load = lab.load("config/mine-4", own.deployment, LoadOptions(clients=4))
        assert load["failures"] == 0 and load["mean_batch"] > 1
    replay = lab_of(tmp_path, "replay")
    again = described(replay, good, replay.service("similar", ServiceOptions("similar_mine")))
    assert again.by == "you" and replay.run.record().result(STEP)["by"] == "you" and not replay.server.running
