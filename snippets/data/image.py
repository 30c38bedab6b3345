"""From a picture to the network's input, and from its output to probabilities: one way, used everywhere.

Training, evaluation, the endpoint, Triton and the device all call these three functions, so that no
accuracy is lost between them. `preprocess` and `postprocess` need numpy only (a Raspberry Pi has no
more); `decode` needs Pillow.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import numpy as np

from snippets.errors import DataError, ToolMissing

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 224
# Statistics of ImageNet's training images (red, green, blue): the normalization that MobileNetV2's
# published weights expect, so that a course's fine-tuned weights work unchanged.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
# Refuse an absurdly large picture before decoding it, rather than fill the memory.
MAX_PIXELS = 100_000_000


def decode(source: bytes | str | os.PathLike[str], side: int = SIDE) -> np.ndarray:
    """Decode one picture to uint8 RGB (side,side,3): upright, shorter side to `side`, centre crop.

    `source` is the encoded bytes or a path. EXIF rotation is applied; transparency is laid over white;
    palette, grey, 16-bit and CMYK pictures become RGB. Raises DataError for anything that is not a whole picture.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ToolMissing("Decoding pictures needs Pillow, which is not installed. Run: pip install pillow") from error

    name = "the uploaded bytes" if isinstance(source, bytes) else os.fspath(source)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise DataError(
                    f"{name}: {picture.width}x{picture.height} pixels is more than the {MAX_PIXELS:,} allowed. "
                    "Scale the picture down."
                )
            # A JPEG can be decoded at a fraction of its size: several times faster for photographs.
            picture.draft("RGB", (2 * side, 2 * side)) if picture.mode == "RGB" else None
            return np.asarray(_square(_upright_rgb(picture), side))
    except FileNotFoundError as error:
        raise DataError(f"{name}: no such file. Check the path.") from error
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{name}: not a readable picture ({error}). Replace or delete it.") from error


def _upright_rgb(picture: Image) -> Image:
    """The picture in RGB as its camera meant it to be seen."""
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I") or picture.mode == "F":
        # Pillow would clip these to 255: scale 16-bit grey to 8 bits instead.
        values = np.asarray(picture, dtype=np.float64)
        peak = 65535.0 if values.max(initial=0.0) > 255 else 255.0
        return Image.fromarray(np.clip(values * (255.0 / peak), 0, 255).astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")


def _square(picture: Image, side: int) -> Image:
    """Shorter side to `side` (bilinear, antialiased), then the middle square."""
    from PIL import Image

    width, height = picture.size
    scale = side / min(width, height)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    if size != picture.size:
        picture = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return picture.crop((left, top, left + side, top + side))


def normalization() -> tuple[np.ndarray, np.ndarray]:
    """What `preprocess` multiplies a pixel of each channel with, and what it then subtracts; float32 (3,) both."""
    scale = (1.0 / (255.0 * np.asarray(STD))).astype(np.float32)
    return scale, (np.asarray(MEAN) / np.asarray(STD)).astype(np.float32)


def preprocess(images: np.ndarray) -> np.ndarray:
    """uint8 images (N,H,W,3) -> the network's input, float32 (N,3,H,W), C-contiguous, normalized.

    A single image (H,W,3) is taken as a batch of one. Raises DataError for another shape or type.
    """
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[None]
    if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
        raise DataError(
            f"Expected uint8 images of shape (N,H,W,3), got {images.dtype} {images.shape}. "
            "Decode them with image.decode."
        )
    scale, offset = normalization()
    out = np.empty((images.shape[0], 3, *images.shape[1:3]), dtype=np.float32)
    for channel in range(3):
        np.multiply(images[..., channel], scale[channel], out=out[:, channel])
        out[:, channel] -= offset[channel]
    return out


def postprocess(logits: np.ndarray) -> np.ndarray:
    """Logits (N,C) -> float32 probabilities (N,C), each row summing to 1 (softmax)."""
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim != 2:
        raise DataError(f"Expected logits of shape (N,C), got {logits.shape}. Pass the network's whole output.")
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
