"""MobileNetV2 in plain torch, with torchvision's parameter names.

Architecture: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2.
The module tree is laid out so that `state_dict()` has the keys of `torchvision.models.mobilenet_v2`
(`features.0.0.weight` ... `classifier.1.weight`): weights travel both ways without torchvision.

Defining layers needs torch at import time, so other modules import this one inside functions.
"""

from __future__ import annotations

import torch
from torch import nn

from snippets.errors import ModelError

# Expansion factor, output channels, repeats, stride of the first repeat (table 2 of the paper).
INVERTED_RESIDUALS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def round_channels(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, never more than 10 % below it (the authors' rule)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def conv_bn_relu6(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, batch normalization and ReLU6: the trio that a graph compiler fuses into one node."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """Widen (1x1), filter each channel by itself (3x3 depthwise), narrow again (1x1, linear)."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        widen = [conv_bn_relu6(inputs, hidden, kernel=1)] if expansion != 1 else []
        self.use_res_connect = stride == 1 and inputs == outputs
        self.conv = nn.Sequential(
            *widen,
            conv_bn_relu6(hidden, hidden, kernel=3, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 (N,inputs,h,w) -> (N,outputs,h',w'), halved by a stride of 2; added to the input where both fit."""
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(nn.Module):
    """The whole network: float32 images (N,3,H,W) -> logits (N,classes)."""

    def __init__(self, classes: int, width: float, dropout: float) -> None:
        super().__init__()
        channels = round_channels(32 * width)
        self.last_channel = round_channels(1280 * max(1.0, width))
        layers: list[nn.Module] = [conv_bn_relu6(3, channels, kernel=3, stride=2)]
        for expansion, base, repeats, stride in INVERTED_RESIDUALS:
            outputs = round_channels(base * width)
            for repeat in range(repeats):
                layers.append(InvertedResidual(channels, outputs, stride if repeat == 0 else 1, expansion))
                channels = outputs
        layers.append(conv_bn_relu6(channels, self.last_channel, kernel=1))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Linear(self.last_channel, classes))
        # Where training looks in: before these features the side is 1/8 and 1/16 of the image's; and channels there.
        self.taps = ((7, round_channels(32 * width)), (14, round_channels(96 * width)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """float32 images (N,3,H,W) -> logits (N,classes)."""
        # The mean over both sides is torchvision's pool and flatten, bit for bit, without asking for the batch's size:
        # exported, that question would be shape arithmetic, which engines on a GPU leave to the CPU.
        return self.classifier(self.features(x).mean(dim=(2, 3)))


def mobilenet_v2(classes: int, width: float = 1.0, dropout: float = 0.2) -> MobileNetV2:
    """An untrained MobileNetV2 for `classes` classes.

    `width` multiplies every channel count (1.0 is the paper's network; 0.35 and 0.5 suit phones).
    Initialised as torchvision does, from torch's global generator: seed it for a repeatable model.
    Raises ModelError for fewer than two classes or a width that is not positive.
    """
    if classes < 2:
        raise ModelError(f"A classifier needs at least 2 classes, not {classes}. Give the number of class folders.")
    if not width > 0:
        raise ModelError(f"The width multiplier must be positive, not {width}. Use 1.0 for the usual network.")
    model = MobileNetV2(classes, width, dropout)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.01)
            nn.init.zeros_(module.bias)
    return model
