"""Typed model configuration for Triton, written as `config.pbtxt` and checked before the server sees it.

Fields and their meaning: Triton's model configuration documentation and its `model_config.proto`.
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

DATA_TYPES = frozenset(
    ("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "FP32", "FP64")
    + ("BF16", "STRING")
)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Tensor:
    """An input or output: its name, element type (`FP32`) and shape without the batch axis (-1: any length)."""

    name: str
    data_type: str
    dims: tuple[int, ...]

    def pbtxt(self) -> str:
        """Its text in config.pbtxt, in protobuf's text format."""
        dims = ", ".join(map(str, self.dims))
        return f"{{ name: {_text(self.name)} data_type: TYPE_{self.data_type} dims: [ {dims} ] }}"


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

    def pbtxt(self) -> str:
        """Its text in config.pbtxt, in protobuf's text format."""
        parts = [f"count: {self.count}", f"kind: KIND_{self.kind.upper()}"]
        if self.gpus:
            parts.append(f"gpus: [ {', '.join(map(str, self.gpus))} ]")
        if self.resources or self.priority:
            limits = [
                f"resources {{ name: {_text(r.name)} count: {r.count} global: {str(r.shared).lower()} }}"
                for r in self.resources
            ]
            if self.priority:
                limits.append(f"priority: {self.priority}")
            parts.append(f"rate_limiter {{ {' '.join(limits)} }}")
        return f"{{ {' '.join(parts)} }}"


@dataclass(frozen=True)
class DynamicBatching:
    """Let the server put waiting requests together.

    `preferred`: batch sizes to aim for; `max_delay_us`: how long the oldest request may wait for company, in
    microseconds (0: take what is waiting, never wait); `max_queue`: requests allowed to wait (0: no limit), and for how
    long before they are refused, `timeout_us` (0: no limit).
    """

    preferred: tuple[int, ...] = ()
    max_delay_us: int = 0
    max_queue: int = 0
    timeout_us: int = 0

    def pbtxt(self) -> str:
        """Its text in config.pbtxt, in protobuf's text format."""
        parts = []
        if self.preferred:
            parts.append(f"preferred_batch_size: [ {', '.join(map(str, self.preferred))} ]")
        if self.max_delay_us:
            parts.append(f"max_queue_delay_microseconds: {self.max_delay_us}")
        policy = [f"max_queue_size: {self.max_queue}"] if self.max_queue else []
        if self.timeout_us:
            policy.append(f"default_timeout_microseconds: {self.timeout_us}")
        if policy:
            parts.append(f"default_queue_policy {{ {' '.join(policy)} }}")
        return f"{{ {' '.join(parts)} }}"


@dataclass(frozen=True)
class ModelConfig:
    """Everything that `config.pbtxt` says about one model.

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
        """The text of `config.pbtxt`, parsed back by Triton's own schema where tritonclient is installed."""
        lines = [
            f"name: {_text(self.name)}",
            # Backends that Triton knows only as a platform do not occur here: python and onnxruntime.
            f"backend: {_text(self.backend)}",
            f"max_batch_size: {self.max_batch}",
            *(f"input {tensor.pbtxt()}" for tensor in self.inputs),
            *(f"output {tensor.pbtxt()}" for tensor in self.outputs),
            *(f"instance_group {group.pbtxt()}" for group in self.instances),
        ]
        if self.batching is not None:
            lines.append(f"dynamic_batching {self.batching.pbtxt()}")
        lines.extend(self._warm_up(batch) for batch in self.warm_up)
        for key, value in sorted(self.parameters.items()):
            lines.append(f"parameters {{ key: {_text(key)} value {{ string_value: {_text(str(value))} }} }}")
        text = "\n".join(lines) + "\n"
        parse(text)
        return text

    def json(self) -> str:
        """The same as JSON, as the repository API takes it. Raises ToolMissing without tritonclient's gRPC part."""
        message = parse(self.pbtxt())
        if message is None:
            raise ToolMissing("Changing a model on a Triton reached by URL needs `pip install tritonclient[grpc]`.")
        from google.protobuf import json_format

        return json_format.MessageToJson(message, preserving_proto_field_name=True)

    def _warm_up(self, batch: int) -> str:
        inputs = " ".join(
            f"inputs {{ key: {_text(t.name)} value {{ data_type: TYPE_{t.data_type}"
            f" dims: [ {', '.join(str(abs(d)) for d in t.dims)} ] zero_data: true }} }}"
            for t in self.inputs
        )
        return f'model_warmup {{ name: "batch of {batch}" batch_size: {batch} {inputs} }}'

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


def parse(text: str) -> Any:
    """Parse `config.pbtxt` with Triton's protobuf schema; None where tritonclient's gRPC part is not installed.

    Raises UsageError with the parser's line and reason.
    """
    try:
        from google.protobuf import text_format
        from tritonclient.grpc import model_config_pb2
    except ImportError:
        return None
    try:
        return text_format.Parse(text, model_config_pb2.ModelConfig())
    except text_format.ParseError as error:
        raise UsageError(f"config.pbtxt is not valid: {error}. Correct the field that it names.") from error


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
    for tensor in (*config.inputs, *config.outputs):
        if tensor.data_type not in DATA_TYPES:
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
    if min(batching.max_delay_us, batching.max_queue, batching.timeout_us) < 0:
        yield "queue delay, queue size and timeout cannot be negative"


def _text(value: str) -> str:
    # protobuf's text format takes JSON's escapes for all that a name or parameter can hold.
    return json.dumps(value, ensure_ascii=False)


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
