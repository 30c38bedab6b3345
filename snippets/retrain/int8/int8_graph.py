"""A static int8 file as a network that can be trained, and the file with the weights that it has then.

    network = Int8Graph(static, prepared)       # float32 weights, rounded wherever the file rounds
    logits = network(images)                    # what the file will answer, with a gradient
    network.write(path)                         # the same graph with other integers

Where the file quantizes and with which ranges stays as it is: every QuantizeLinear becomes a fake quantization, and
only weights and biases are parameters. A weight is kept as a share of the largest one of its channel, so that a step of
one size fits channels of any size. Batch normalization has gone into the convolutions (`quantizer.prepare`), its
statistics frozen; a ReLU6 has gone into the range of its convolution.

Defining layers needs torch at import time, so other modules import this one inside functions;
`operations.untrainable` says beforehand whether a file will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from snippets.engine.graph import read_model
from snippets.errors import ModelError
from snippets.files import replacing
from snippets.retrain.int8 import fake_quantize
from snippets.retrain.int8.operations import OPERATIONS, Run, attributes_of

QUANTIZED = "_quantized"
"""What ONNX Runtime's quantizer appends to the name of what it has rounded."""
LARGEST = 2**31 - 1
"""The largest integer of a bias."""


@dataclass(frozen=True)
class Step:
    """One operation: `run` takes the values of these names and gives `output`; `last`: values that end here."""

    run: Run
    inputs: tuple[str, ...]
    output: str
    last: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weight:
    """A weight of the file: the names of its integers and scales, its largest integer, and the axis of its channels."""

    integers: str
    scales: str
    top: int
    axis: int | None


@dataclass(frozen=True)
class Bias:
    """A bias of the file: the names of its integers and scales; number of its weight; the scale of what is read."""

    integers: str
    scales: str
    weight: int
    reads: float


class Int8Graph(nn.Module):
    """The network of a static int8 file (QDQ), with the float32 weights of the file `prepared` that it was made from.

    `top`: the largest integer of a weight, where it shall have fewer bits than the file gives it (7 for 4 bits).
    Raises ModelError for a file with other operations than OPERATIONS, or one that was not made from `prepared`.
    """

    def __init__(self, quantized: Path, prepared: Path, top: int = 0) -> None:
        super().__init__()
        self.file = quantized
        model = read_model(quantized)
        self._stored = _stored_in(model)
        self._floats = _stored_in(read_model(prepared))
        self._top = top
        self.shares = nn.ParameterList()
        self.sizes: list[torch.Tensor] = []
        self.biases = nn.ParameterList()
        self.weights_of: list[Weight] = []
        self.biases_of: list[Bias] = []
        self._scale_of: dict[str, str] = {}
        steps = [self._step(node) for node in model.graph.node]
        self._match_biases(model.graph.node)
        self._input, self._output = model.graph.input[0].name, model.graph.output[0].name
        self._steps = _with_ends(steps, self._output)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 images (N,3,H,W) -> logits (N,classes) of the int8 file, up to rounding."""
        values = {self._input: x}
        for step in self._steps:
            values[step.output] = step.run(*(values[name] if name else None for name in step.inputs))
            for name in step.last:
                del values[name]
        return values[self._output]

    def write(self, path: Path) -> Path:
        """Write the file with today's weights: the same graph and activation scales, other integers."""
        import onnx
        from onnx import numpy_helper

        model = onnx.load(self.file)
        new: dict[str, np.ndarray] = {}
        with torch.no_grad():
            least = {one.weight: np.abs(self._bias(number)) / one.reads for number, one in enumerate(self.biases_of)}
            for number, facts in enumerate(self.weights_of):
                step = fake_quantize.weight_step(self.weight(number), facts.top, facts.axis)
                if number in least:  # a channel of tiny weights: its bias, in steps as fine, must still fit 32 bits
                    room = torch.from_numpy(least[number] / LARGEST).float()
                    step = torch.maximum(step, _along(room, step) if facts.axis is not None else room.max())
                integers = (self.weight(number) / step).round().clamp(-facts.top, facts.top)
                new[facts.integers] = integers.numpy().astype(np.int8)
                new[facts.scales] = step.numpy().reshape(self._stored[facts.scales].shape)
            for number, bias in enumerate(self.biases_of):
                scales = bias.reads * new[self.weights_of[bias.weight].scales].astype(np.float64)
                integers64 = np.rint(self._bias(number) / scales)
                new[bias.integers] = np.clip(integers64, -LARGEST, LARGEST).astype(np.int32)
                new[bias.scales] = scales.astype(np.float32).reshape(self._stored[bias.scales].shape)
        for tensor in model.graph.initializer:
            if tensor.name in new:
                tensor.CopyFrom(numpy_helper.from_array(np.asarray(new[tensor.name], order="C"), tensor.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            onnx.save(model, partial)
        return path

    def weight(self, number: int) -> torch.Tensor:
        """A weight of `weights_of`, float32, as it is before rounding."""
        return self.shares[number] * self.sizes[number]

    def _rounded_bias(self, number: int) -> torch.Tensor:
        """A bias as the file holds it: 32 bits, in steps of what is read times those of the weight."""
        facts = self.biases_of[number]
        beside = self.weights_of[facts.weight]
        with torch.no_grad():
            step = facts.reads * fake_quantize.weight_step(self.weight(facts.weight), beside.top, beside.axis)
        value = self.biases[number]
        return fake_quantize.through(value / step.reshape(-1)) * step.reshape(-1)

    def _bias(self, number: int) -> np.ndarray:
        return self.biases[number].detach().numpy().astype(np.float64)

    def _step(self, node: Any) -> Step:
        """What a node of the file does here."""
        inputs, output = tuple(node.input), node.output[0]
        if node.op_type == "QuantizeLinear":
            scale, zero = float(self._stored[inputs[1]]), int(self._stored[inputs[2]])
            return Step(lambda x: fake_quantize.activation(x, scale, zero), inputs[:1], output)
        if node.op_type == "DequantizeLinear":
            self._scale_of[output] = inputs[1]
            if inputs[0] in self._stored:
                return Step(self._parameter(node), (), output)
            return Step(lambda x: x, inputs[:1], output)
        if node.op_type not in OPERATIONS:
            raise ModelError(f"{self.file.name} holds the operation {node.op_type}, which cannot be trained here.")
        run = OPERATIONS[node.op_type](
            attributes_of(node), {name: self._stored[name] for name in inputs if name in self._stored}
        )
        return Step(run, tuple(name for name in inputs if name not in self._stored), output)

    def _parameter(self, node: Any) -> Run:
        """A weight or bias of the file, as a parameter."""
        integers, scales = self._stored[node.input[0]], self._stored[node.input[1]]
        name = node.input[0].removesuffix(QUANTIZED)
        if name not in self._floats or self._floats[name].shape != integers.shape:
            raise ModelError(f"{self.file.name} holds {node.input[0]}, which is no weight of the float32 file.")
        value = torch.from_numpy(self._floats[name].astype(np.float32))
        if integers.dtype == np.int32:
            number = len(self.biases)
            self.biases.append(nn.Parameter(value))
            self.biases_of.append(Bias(node.input[0], node.input[1], -1, 0.0))
            return lambda: self._rounded_bias(number)
        number = len(self.shares)
        axis = int(attributes_of(node).get("axis", 1)) if scales.ndim and scales.size > 1 else None
        top = self._top or int(np.abs(integers.astype(np.int32)).max())
        size = fake_quantize.weight_step(value, 1, axis or 0)
        self.sizes.append(size)
        self.shares.append(nn.Parameter(value / size))
        self.weights_of.append(Weight(node.input[0], node.input[1], top, axis))
        return lambda: fake_quantize.weight(self.weight(number), top, axis)

    def _match_biases(self, nodes: Any) -> None:
        """Find for each bias the weight beside it, and the scale of what both meet."""
        weight_by_scale = {one.scales: number for number, one in enumerate(self.weights_of)}
        bias_by_scale = {one.scales: number for number, one in enumerate(self.biases_of)}
        for node in nodes:
            if (
                len(node.input) == 3
                and (number := bias_by_scale.get(self._scale_of.get(node.input[2], ""))) is not None
            ):
                beside = weight_by_scale[self._scale_of[node.input[1]]]
                reads = float(self._stored[self._scale_of[node.input[0]]])
                one = self.biases_of[number]
                self.biases_of[number] = Bias(one.integers, one.scales, beside, reads)


def _stored_in(model: Any) -> dict[str, np.ndarray]:
    from onnx import numpy_helper

    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def _along(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """(channels,) in the shape of `like`, which has them along one dimension and 1 along the others."""
    return values.reshape(like.shape)


def _with_ends(steps: list[Step], output: str) -> tuple[Step, ...]:
    """The steps, each with the names that none after it reads, so that they need not be kept."""
    ended: list[Step] = []
    read = {output}
    for step in reversed(steps):
        last = tuple(dict.fromkeys(name for name in (*step.inputs, step.output) if name and name not in read))
        read.update(step.inputs)
        ended.append(Step(step.run, step.inputs, step.output, last))
    return tuple(reversed(ended))
