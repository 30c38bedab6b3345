"""Other networks for the same task: a residual one and a small vision transformer, in plain torch.

Each has `features`, which keep the picture's two dimensions, and a `classifier` that reads their mean over the picture,
as MobileNetV2 has. Sources: residual blocks, He et al., CVPR 2016; transformer on patches, Dosovitskiy et al., ICLR
2021; convolutions in place of its first layers, Xiao et al., NeurIPS 2021; positions from a convolution, Chu et al.,
ICLR 2023.

Defining layers needs torch at import time, so other modules import this one inside functions.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from snippets.errors import ModelError
from snippets.model.mobilenet import mobilenet_v2

STAGES = (1, 2, 4, 8)
"""Channels of a residual network's four stages, as multiples of its first ones."""


class Residual(nn.Module):
    """Two 3x3 convolutions, added to their input (through a 1x1 one where the shapes differ)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = _conv(inputs, outputs, 3, stride)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs))
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.skip = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (N,inputs,h,w) -> (N,outputs,h',w'), halved by a stride of 2."""
        return functional.relu(self.second(self.first(x)) + self.skip(x))


class Attention(nn.Module):
    """A transformer block on the places of a picture: each looks at all others, then changes by itself.

    Normalized before each half (Xiong et al., ICML 2020).
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_look, self.norm_change = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.look, self.join = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.change = nn.Sequential(nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (N,channels,h,w) -> the same shape."""
        _, channels, height, width = x.shape
        places = x.flatten(2).transpose(1, 2)
        split = self.look(self.norm_look(places)).unflatten(2, (3, self.heads, channels // self.heads))
        query, key, value = split.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value)
        places = places + self.join(seen.transpose(1, 2).flatten(2))
        places = places + self.change(self.norm_change(places))
        return places.transpose(1, 2).unflatten(2, (height, width))


class Positions(nn.Module):
    """Adds what a depthwise 3x3 convolution sees: where the border is, and so where each place lies."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (N,channels,h,w) -> the same shape."""
        return x + self.filter(x)


class PlaceNorm(nn.Module):
    """Layer normalization over the channels of each place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (N,channels,h,w) -> the same shape."""
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Network(nn.Module):
    """Features with a linear classifier on their mean: float32 images (N,3,H,W) -> logits (N,classes).

    `taps`: (number of a feature, channels before it), where the side is 1/8 and 1/16 of the image's.
    """

    def __init__(
        self, layers: list[nn.Module], channels: int, classes: int, taps: tuple[tuple[int, int], tuple[int, int]]
    ) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(channels, classes))
        self.taps = taps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 images (N,3,H,W) -> logits (N,classes)."""
        return self.classifier(self.features(x).mean(dim=(2, 3)))


def resnet(classes: int, channels: int = 32) -> Network:
    """An untrained ResNet-18, in its first stage `channels` wide (the paper's has 64)."""
    layers: list[nn.Module] = [_conv(3, channels, 7, 2), nn.MaxPool2d(3, 2, 1)]
    inputs = channels
    for stage, times in enumerate(STAGES):
        outputs = channels * times
        layers += [Residual(inputs, outputs, 2 if stage else 1), Residual(outputs, outputs, 1)]
        inputs = outputs
    return Network(layers, inputs, classes, ((6, channels * 2), (8, channels * 4)))


def transformer(classes: int, channels: int = 128, depth: int = 4, heads: int = 4) -> Network:
    """An untrained small vision transformer: four convolutions make 14x14 places of `channels` numbers."""
    steps = (16, 32, 64, channels)
    layers: list[nn.Module] = [
        _conv(inputs, outputs, 3, 2) for inputs, outputs in zip((3, *steps[:-1]), steps, strict=True)
    ]
    layers += [Positions(channels), *(Attention(channels, heads) for _ in range(depth)), PlaceNorm(channels)]
    return Network(layers, channels, classes, ((3, 64), (4, channels)))


def build(name: str, classes: int) -> nn.Module:
    """One of NETWORKS by name, untrained. Raises ModelError for another name or fewer than two classes."""
    if name not in NETWORKS:
        raise ModelError(f"There is no network {name!r}. Choose one of {', '.join(NETWORKS)}.")
    if classes < 2:
        raise ModelError(f"A classifier needs at least 2 classes, not {classes}. Give the number of class folders.")
    return NETWORKS[name](classes)


def _narrow_mobilenet(classes: int) -> nn.Module:
    return mobilenet_v2(classes, width=0.5)


NETWORKS = {"mobilenet-half": _narrow_mobilenet, "resnet": resnet, "transformer": transformer}


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    """Convolution, batch normalization, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
