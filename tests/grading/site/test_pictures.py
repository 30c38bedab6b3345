"""A site that would be too large gets smaller pictures; one that stays so is refused, with its largest files."""

from __future__ import annotations

import io

import numpy as np
import pytest

from grading.site.pictures import fit, smaller, total
from snippets.errors import StorageError
from tests.grading.site.made import png


def noise(width: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (width // 4, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_what_fits_stays_as_it_is() -> None:
    files = {"a.png": noise(400), "b.html": b"x" * 50}
    assert fit(files, total(files)) == files


def test_the_largest_picture_is_made_smaller_and_the_others_stay() -> None:
    from PIL import Image

    files = {"large.png": noise(1600), "small.png": noise(200), "page.html": b"x" * 1000}
    fitted = fit(files, total(files) // 2)
    assert total(fitted) <= total(files) // 2 and fitted["small.png"] == files["small.png"]
    with Image.open(io.BytesIO(fitted["large.png"])) as picture:
        assert picture.width in (1200, 900)


def test_what_is_too_large_even_so_is_refused_with_the_largest_files_first() -> None:
    files = {"a.html": b"x" * 3_000_000, "b.html": b"x" * 2_000_000, "c.png": png()}
    with pytest.raises(
        StorageError, match=r"5\.0 MB, more than the 4 MB .* a\.html \(3\.00 MB\), b\.html \(2\.00 MB\)"
    ):
        fit(files, 4_000_000)


def test_what_is_no_picture_stays() -> None:
    assert smaller(b"no picture", 900) == b"no picture"
