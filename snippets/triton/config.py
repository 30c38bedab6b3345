"""Typed model configuration for Triton, written as `config.pbtxt` and checked before the server sees it.

Fields and their meaning: Triton's model configuration documentation and its `model_config.proto`, which tritonclient
brings along: it knows the names and types, writes the text and quotes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snippets.errors import ModelError, ToolMissing, UsageError
from snippets.files import replacing

Fields = dict[str, Any]
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Tensor:
    """An input or output: its name, element type (`FP32`) and shape without the batch axis (-1: any length)."""

    name: str
    data_type: str
    dims: tuple[int, ...]

    def fields(self) -> Fields:
        """Its fields in Triton's schema."""
        return {"name": self.name, "data_type": f"TYPE_{self.data_type}", "dims": self.dims}


@dataclass(frozen=True)
class Resource:
    """What one execution of an instance takes from the rate limiter: `count` tokens of `name`.

    A server holds as many tokens of a name as the most demanding instance asks for, unless told otherwise.
    `shared`: one pool for the whole server rather than one for each device.
    """

    name: str
    count: int = 1
    shared: bool = True


@dataclass(frozen=True)
class InstanceGroup:
    """`count` copies of the model on the CPU (`kind="cpu"`) or on each GPU in `gpus` (`kind="gpu"`)."""

    count: int = 1
    kind: str = "cpu"
    gpus: tuple[int, ...] = ()
    resources: tuple[Resource, ...] = ()
    priority: int = 0

    def fields(self) -> Fields:
        """Its fields in Triton's schema."""
        found: Fields = {"count": self.count, "kind": f"KIND_{self.kind.upper()}", "gpus": self.gpus}
        if self.resources or self.priority:
            taken = [{"name": each.name, "count": each.count, "global": each.shared} for each in self.resources]
            found["rate_limiter"] = {"resources": taken, "priority": self.priority}
        return found


@dataclass(frozen=True)
class DynamicBatching:
    """Let the server put waiting requests together.

    `preferred`: batch sizes to aim for; `max_delay_us`: how long the oldest request may wait for company, in
    microseconds (0: take what is waiting, never wait); `max_queue`: requests allowed to wait (0: no limit).
    """

    preferred: tuple[int, ...] = ()
    max_delay_us: int = 0
    max_queue: int = 0

    def fields(self) -> Fields:
        """Its fields in Triton's schema."""
        found: Fields = {
            "preferred_batch_size": self.preferred,
            "max_queue_delay_microseconds": self.max_delay_us,
        }
        return {**found, "default_queue_policy": {"max_queue_size": self.max_queue}} if self.max_queue else found


@dataclass(frozen=True)
class ModelConfig:
    """Everything that `config.pbtxt` says about one model. Raises UsageError for what cannot work, all of it at once,
    and ToolMissing without tritonclient's gRPC part.

    `max_batch`: most rows in one execution (0: the model has no batch axis). `warm_up`: batch sizes that each
    instance runs once, on zeros, before it is called ready. `parameters` reach a Python model as text.
    """

    name: str
    backend: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    max_batch: int = 16
    instances: tuple[InstanceGroup, ...] = (InstanceGroup(),)
    batching: DynamicBatching | None = None
    warm_up: tuple[int, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = list(_problems(self))
        if problems:
            raise UsageError(f"Triton model `{self.name}`: " + "; ".join(problems) + ".")

    def pbtxt(self) -> str:
        """The text of `config.pbtxt`, a line for each entry; what is 0 or false, as it is unless told, is left out."""
        from google.protobuf import text_format

        lines = (
            text_format.MessageToString(
                _message(entry), as_utf8=True, as_one_line=True, use_short_repeated_primitives=True
            )
            for entry in self._entries()
        )
        return "\n".join(filter(None, lines)) + "\n"

    def json(self) -> str:
        """The same as JSON, as the repository API takes it."""
        from google.protobuf import json_format

        return json_format.MessageToJson(_message(*self._entries()), preserving_proto_field_name=True)

    def _entries(self) -> Iterator[Fields]:
        """What becomes a line each, in the order of reading."""
        yield {"name": self.name}
        # Backends that Triton knows only as a platform do not occur here: python and onnxruntime.
        yield {"backend": self.backend}
        yield {"max_batch_size": self.max_batch}
        yield from ({"input": [tensor.fields()]} for tensor in self.inputs)
        yield from ({"output": [tensor.fields()]} for tensor in self.outputs)
        yield from ({"instance_group": [group.fields()]} for group in self.instances)
        if self.batching is not None:
            yield {"dynamic_batching": self.batching.fields()}
        for batch in self.warm_up:
            zeros = {
                t.name: {"data_type": f"TYPE_{t.data_type}", "dims": [abs(d) for d in t.dims], "zero_data": True}
                for t in self.inputs
            }
            yield {"model_warmup": [{"name": f"batch of {batch}", "batch_size": batch, "inputs": zeros}]}
        yield from (
            {"parameters": {key: {"string_value": str(value)}}} for key, value in sorted(self.parameters.items())
        )

    @property
    def instance_count(self) -> int:
        """Instances that will run: a group's count for the CPU, times its GPUs for GPUs."""
        return sum(group.count * max(1, len(group.gpus)) for group in self.instances)


@dataclass(frozen=True)
class Deployment:
    """A configuration and the files of its version folder: name there -> file here.

    For the Python backend one of them is `model.py`; for the onnxruntime backend, `model.onnx`.
    """

    config: ModelConfig
    files: Mapping[str, Path]

    def write(self, repository: Path) -> Path:
        """Render the model's folder in a model repository; unchanged files are left alone. Returns the folder.

        Raises ModelError when a file to be deployed does not exist.
        """
        folder = Path(repository) / self.config.name
        version = folder / "1"
        version.mkdir(parents=True, exist_ok=True)
        for name, source in self.files.items():
            _copy(Path(source), version / name, self.config.name)
        text = self.config.pbtxt()
        path = folder / "config.pbtxt"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        return folder

    def fingerprint(self) -> str:
        """The configuration and the identity (path, size, time) of each file, as text: equal means unchanged."""
        stats = {name: (str(path), *_identity(Path(path))) for name, path in sorted(self.files.items())}
        return self.config.pbtxt() + json.dumps(stats)


def _schema() -> Any:
    """Triton's own schema; about 0.3 s at the first time. Raises ToolMissing without tritonclient's gRPC part."""
    try:
        from tritonclient.grpc import model_config_pb2
    except ImportError as error:
        raise ToolMissing(f"Describing a model to Triton needs `pip install 'tritonclient[grpc]'` ({error}).") from None
    return model_config_pb2


def _message(*entries: Fields) -> Any:
    """The entries as one message of Triton's schema, which refuses names, types and sizes that it does not know."""
    from google.protobuf import json_format

    schema = _schema()
    message = schema.ModelConfig()
    try:
        for entry in entries:
            message.MergeFrom(json_format.ParseDict(entry, schema.ModelConfig()))
    except json_format.ParseError as error:
        raise UsageError(f"Triton's model configuration has no such thing: {error}. Correct that field.") from error
    return message


def _problems(config: ModelConfig) -> Iterator[str]:
    """What cannot work in a configuration, in words."""
    if not NAME.fullmatch(config.name):
        yield "the name may hold letters, digits, `_`, `.` and `-` only"
    if config.max_batch < 0:
        yield "max_batch cannot be negative"
    if any(not 1 <= b <= max(1, config.max_batch) for b in config.warm_up):
        yield f"warm-up batches {list(config.warm_up)} are not between 1 and max_batch = {config.max_batch}"
    yield from _tensor_problems(config)
    yield from _instance_problems(config.instances)
    if config.batching is not None:
        yield from _batching_problems(config.batching, config.max_batch)


def _tensor_problems(config: ModelConfig) -> Iterator[str]:
    if not config.inputs or not config.outputs:
        yield "it needs at least one input and one output"
    known = _schema().DataType.keys()
    for tensor in (*config.inputs, *config.outputs):
        if f"TYPE_{tensor.data_type}" not in known:
            yield f"`{tensor.name}` has the unknown type {tensor.data_type} (FP32, UINT8, INT64, ...)"
        if not tensor.dims or any(d == 0 or d < -1 for d in tensor.dims):
            yield f"`{tensor.name}` has the shape {list(tensor.dims)}; sizes are positive, or -1 for any"


def _instance_problems(groups: Sequence[InstanceGroup]) -> Iterator[str]:
    if not groups:
        yield "it needs at least one instance group"
    for group in groups:
        if group.kind not in ("cpu", "gpu", "auto"):
            yield f"an instance group is of kind cpu, gpu or auto, not {group.kind}"
        if group.count < 1:
            yield f"an instance group of {group.count} copies runs nothing; ask for 1 or more"
        if group.gpus and group.kind == "cpu":
            yield "an instance group on the CPU cannot name GPUs; set kind to gpu"
        if any(resource.count < 1 for resource in group.resources):
            yield "a rate limiter resource is taken at least 1 at a time"


def _batching_problems(batching: DynamicBatching, max_batch: int) -> Iterator[str]:
    if max_batch < 1:
        yield "dynamic batching needs max_batch of at least 1"
    too_large = [b for b in batching.preferred if not 1 <= b <= max_batch]
    if too_large:
        yield f"preferred batch sizes {too_large} are not between 1 and max_batch = {max_batch}"
    if batching.max_delay_us < 0 or batching.max_queue < 0:
        yield "queue delay and queue size cannot be negative"


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read: {error.strerror}. Give a file that exists.") from error
    return status.st_size, status.st_mtime_ns


def _copy(source: Path, target: Path, model: str) -> None:
    import filecmp
    import shutil

    _identity(source)
    if target.exists() and filecmp.cmp(source, target, shallow=False):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as partial:
        try:
            shutil.copyfile(source, partial)
        except OSError as error:
            raise ModelError(f"Triton model `{model}`: {source} could not be copied: {error}.") from error
