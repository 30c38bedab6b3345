"""Give a trained MobileNetV2 unequal channels without changing what it computes: `python -m snippets.model.spread`.

Between a block's last convolution and the next block's first one there is no activation (the *linear bottleneck*),
so channel c there may be multiplied by s and the weights that read it divided by s: the same function, but the channels
now span very different ranges. Networks trained for long on large data grow such channels by themselves, and 8-bit
numbers, with one scale for a whole tensor, serve them badly. A network trained for minutes has none, and would teach
that quantization costs nothing. The shipped weights were spread with the defaults below, so that it costs what was
published for MobileNetV2.

Source: Nagel et al., "Data-free quantization through weight equalization and bias correction", ICCV 2019, which removes
by the same identity what is added here.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from snippets.model.weights_file import load_model, save_weights

RATIO = 6.0
SEED = 1


def spread(model: Any, ratio: float = RATIO, seed: int = SEED) -> None:
    """Multiply each bottleneck channel by a factor between 1/ratio and ratio, and undo it in whatever reads it.

    model: snippets.model.mobilenet.MobileNetV2, changed in place; its outputs stay the same but for rounding.
    """
    import torch

    from snippets.model.mobilenet import InvertedResidual

    chance = np.random.default_rng(seed)
    scale: torch.Tensor | None = None
    with torch.no_grad():
        for layer in model.features:
            if not isinstance(layer, InvertedResidual):
                if scale is not None:  # the last convolution reads the last bottleneck
                    layer[0].weight /= scale[None, :, None, None]
                    scale = None
                continue
            if scale is not None:
                layer.conv[0][0].weight /= scale[None, :, None, None]
            norm = layer.conv[-1]
            if not layer.use_res_connect or scale is None:
                draws = chance.uniform(-1.0, 1.0, norm.num_features)
                scale = torch.from_numpy(ratio**draws).to(norm.weight.dtype)
            norm.weight *= scale
            norm.bias *= scale


def main() -> None:
    """Parse the command line, spread a file of weights, write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", help="weights to begin with (.safetensors or .pth)")
    parser.add_argument("output", type=Path, help="where the spread weights go (.safetensors)")
    parser.add_argument("--ratio", type=float, default=RATIO, help="largest factor (default %(default)s)")
    arguments = parser.parse_args()
    model, labels = load_model(arguments.source)
    spread(model, arguments.ratio)
    save_weights(model, arguments.output, labels)


if __name__ == "__main__":
    main()
