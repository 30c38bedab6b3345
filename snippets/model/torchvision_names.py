"""Stand-ins for the classes that a pickled torchvision MobileNetV2 names.

torchvision cannot be imported beside every build of torch, and need not be: the unpickler only has to put the
layers somewhere. A stand-in is an empty module; its tensors are read and nothing of it is ever run.
"""

from __future__ import annotations

from typing import Any

# Every place where torchvision (0.2 to 0.20 and later) kept a class that its MobileNetV2 is made of.
TORCHVISION_NAMES = (
    "torchvision.models.mobilenetv2.MobileNetV2",
    "torchvision.models.mobilenetv2.InvertedResidual",
    "torchvision.models.mobilenetv2.ConvBNReLU",
    "torchvision.models.mobilenetv2._DeprecatedConvBNAct",
    "torchvision.models.mobilenet.MobileNetV2",
    "torchvision.models.mobilenet.InvertedResidual",
    "torchvision.models.mobilenet.ConvBNReLU",
    "torchvision.models.mobilenet.ConvBNActivation",
    "torchvision.ops.misc.Conv2dNormActivation",
    "torchvision.ops.misc.ConvNormActivation",
    "torchvision.models.quantization.mobilenetv2.QuantizableMobileNetV2",
)
# The layers of torch itself inside them.
LAYERS = (
    "Sequential",
    "ModuleList",
    "Conv2d",
    "BatchNorm2d",
    "ReLU",
    "ReLU6",
    "Hardtanh",
    "Dropout",
    "Linear",
    "Identity",
    "AdaptiveAvgPool2d",
    "Flatten",
    "Softmax",
    "LogSoftmax",
)


def allowed_classes() -> list[Any]:
    """What `torch.serialization.safe_globals` is given: layers of torch, and stand-ins under torchvision's names."""
    from torch import nn

    stand_ins = [(type(name.rsplit(".", 1)[1], (nn.Module,), {}), name) for name in TORCHVISION_NAMES]
    layers = [getattr(nn, name) for name in LAYERS]
    return [*stand_ins, *layers, nn.DataParallel]
