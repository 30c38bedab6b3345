"""Pictures for the tests."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def picture(seed: int, width: int = 640, height: int = 400) -> bytes:
    """A PNG with large blocks of random colour, different for each seed."""
    blocks = np.random.default_rng(seed).integers(0, 255, (5, 8, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()
