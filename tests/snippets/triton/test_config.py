"""Typed configurations become the config.pbtxt that they say, and nonsense is refused before a server sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snippets.errors import ModelError, UsageError
from snippets.triton.config import Deployment, DynamicBatching, InstanceGroup, ModelConfig, Resource, Tensor, parse

X, Y = Tensor("x", "FP32", (3, -1)), Tensor("y", "INT64", (5,))


def config(**changes: Any) -> ModelConfig:
    return ModelConfig(**{"name": "m", "backend": "python", "inputs": (X,), "outputs": (Y,), **changes})


def parsed(**changes: Any) -> Any:
    return parse(config(**changes).pbtxt())


def test_every_field_reaches_tritons_own_schema() -> None:
    message = parsed(
        max_batch=32,
        instances=(
            InstanceGroup(2, resources=(Resource("core", 3, shared=False),), priority=7),
            InstanceGroup(1, "gpu", (0, 1)),
        ),
        batching=DynamicBatching((4, 8), 500, 64, 2000),
        warm_up=(1, 8),
        parameters={"threads": "2"},
    )
    assert (message.name, message.backend, message.max_batch_size) == ("m", "python", 32)
    assert list(message.input[0].dims) == [3, -1] and message.output[0].name == "y"
    first, second = message.instance_group
    assert (first.count, first.rate_limiter.priority, first.rate_limiter.resources[0].count) == (2, 7, 3)
    assert not getattr(first.rate_limiter.resources[0], "global")
    assert list(second.gpus) == [0, 1] and second.kind == second.KIND_GPU
    assert list(message.dynamic_batching.preferred_batch_size) == [4, 8]
    assert message.dynamic_batching.max_queue_delay_microseconds == 500
    policy = message.dynamic_batching.default_queue_policy
    assert (policy.max_queue_size, policy.default_timeout_microseconds) == (64, 2000)
    assert [w.batch_size for w in message.model_warmup] == [1, 8]
    assert message.parameters["threads"].string_value == "2"


def test_batching_without_settings_is_batching_and_none_is_not() -> None:
    assert parsed(batching=DynamicBatching()).HasField("dynamic_batching")
    assert not parsed().HasField("dynamic_batching")


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4))
def test_parameters_of_any_text_survive(parameters: dict[str, str]) -> None:
    message = parsed(parameters=parameters)
    assert {key: value.string_value for key, value in message.parameters.items()} == parameters


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "a/b"}, "name"),
        ({"inputs": ()}, "at least one input"),
        ({"inputs": (Tensor("x", "FLOAT", (3,)),)}, "unknown type FLOAT"),
        ({"outputs": (Tensor("y", "FP32", (0,)),)}, "shape"),
        ({"max_batch": -1}, "negative"),
        ({"instances": ()}, "instance group"),
        ({"instances": (InstanceGroup(0),)}, "0 copies"),
        ({"instances": (InstanceGroup(1, "tpu"),)}, "tpu"),
        ({"instances": (InstanceGroup(1, "cpu", (0,)),)}, "cannot name GPUs"),
        ({"batching": DynamicBatching((64,))}, "max_batch = 16"),
        ({"batching": DynamicBatching(), "max_batch": 0}, "max_batch of at least 1"),
        ({"batching": DynamicBatching(max_delay_us=-1)}, "negative"),
        ({"warm_up": (17,)}, "warm-up"),
        ({"warm_up": (0,)}, "warm-up"),
        ({"warm_up": (1, 2), "max_batch": 0}, "warm-up"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_with_its_model_and_reason(changes: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        config(**changes)


@pytest.mark.parametrize(
    "changes", [{"warm_up": (1, 16)}, {"warm_up": (1,), "max_batch": 0}, {"batching": DynamicBatching((1, 16))}]
)
def test_batches_from_one_to_the_largest_are_taken(changes: dict) -> None:
    assert parsed(**changes).name == "m"


def test_text_that_is_no_configuration_is_refused_with_the_parsers_reason() -> None:
    with pytest.raises(UsageError, match="max_bach_size"):
        parse("max_bach_size: 3")


def test_instances_count_each_gpu() -> None:
    assert config(instances=(InstanceGroup(2, "gpu", (0, 1)), InstanceGroup(1))).instance_count == 5


def test_a_deployment_writes_the_repository_and_leaves_unchanged_files_alone(tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_text("1")
    deployment = Deployment(config(), {"model.py": source, "lib/deep.py": source})
    folder = deployment.write(tmp_path / "repository")
    assert (folder / "config.pbtxt").read_text() == config().pbtxt()
    assert (folder / "1" / "lib" / "deep.py").read_text() == "1"
    before = (folder / "1" / "model.py").stat().st_mtime_ns
    deployment.write(tmp_path / "repository")
    assert (folder / "1" / "model.py").stat().st_mtime_ns == before
    source.write_text("22")
    deployment.write(tmp_path / "repository")
    assert (folder / "1" / "model.py").read_text() == "22"


def test_a_deployment_is_changed_by_its_configuration_and_by_its_files(tmp_path: Path) -> None:
    source = tmp_path / "weights"
    source.write_text("1")
    first = Deployment(config(), {"w": source}).fingerprint()
    assert Deployment(config(), {"w": source}).fingerprint() == first
    assert Deployment(config(max_batch=8), {"w": source}).fingerprint() != first
    source.write_text("22")
    assert Deployment(config(), {"w": source}).fingerprint() != first


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx"):
        Deployment(config(), {"model.onnx": tmp_path / "gone.onnx"}).write(tmp_path)
