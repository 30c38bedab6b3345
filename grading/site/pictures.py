"""The site's pictures, and how they are made smaller where all of it would be too large to pass on."""

from __future__ import annotations

import io

from snippets.errors import StorageError

MEGABYTE = 1_000_000
MOST_BYTES = 10 * MEGABYTE
WIDTHS = (1200, 900)
"""Pixels: wider pictures are scaled down to these, one after the other, as far as needed."""
NAMED = 5


def fit(files: dict[str, bytes], most: int = MOST_BYTES) -> dict[str, bytes]:
    """`files` by name, their PNG pictures made smaller, the largest first, until all fit into `most` bytes.

    Raises StorageError, naming the largest files, where they do not fit even so.
    """
    fitted = dict(files)
    for width in WIDTHS:
        pictures = [name for name in fitted if name.endswith(".png")]
        for name in sorted(pictures, key=lambda each: -len(fitted[each])):
            if total(fitted) <= most:
                return fitted
            fitted[name] = smaller(fitted[name], width)
    if total(fitted) <= most:
        return fitted
    largest = sorted(fitted, key=lambda name: -len(fitted[name]))[:NAMED]
    named = ", ".join(f"{name} ({len(fitted[name]) / MEGABYTE:.2f} MB)" for name in largest)
    raise StorageError(
        f"The site would have {total(fitted) / MEGABYTE:.1f} MB, more than the {most / MEGABYTE:g} MB that it may "
        f"have, with pictures made smaller already. Its largest files: {named}. Name fewer runs, or quick ones."
    )


def total(files: dict[str, bytes]) -> int:
    """Bytes of all files."""
    return sum(map(len, files.values()))


def smaller(png: bytes, width: int) -> bytes:
    """A PNG at most `width` pixels wide and of 256 colours; as it was where that is no smaller, or it is no picture."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(png)) as opened:
            picture = opened.convert("RGB")
            picture.thumbnail((width, picture.height))
            out = io.BytesIO()
            picture.quantize(256).save(out, "PNG", optimize=True)
    except (OSError, ValueError):
        return png
    return min(png, out.getvalue(), key=len)
