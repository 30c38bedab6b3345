"""Any picture becomes 224x224 RGB, upright; any input that is not a picture becomes one clear error."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from snippets.data import image
from snippets.data.image import MEAN, STD, decode, postprocess, preprocess
from snippets.errors import DataError


def encoded(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def test_the_shorter_side_is_scaled_and_the_middle_kept():
    picture = Image.new("RGB", (600, 300), "red")
    picture.paste("blue", (150, 0, 450, 300))
    pixels = decode(encoded(picture))
    assert pixels.shape == (224, 224, 3) and pixels.dtype == np.uint8
    assert (pixels[:, 4:-4] == (0, 0, 255)).all()


def test_a_picture_of_the_right_size_is_left_as_it_is():
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    assert (decode(encoded(Image.fromarray(noise))) == noise).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (225, 224), (223, 4000)])
def test_any_shape_of_picture_fits(size):
    assert decode(encoded(Image.new("RGB", size, "green"))).shape == (224, 224, 3)


def test_exif_rotation_is_applied():
    picture = Image.new("RGB", (224, 224), "black")
    picture.paste("white", (0, 0, 224, 112))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held turned: rotate clockwise to show it
    pixels = decode(encoded(picture, "JPEG", exif=exif.tobytes()))
    assert pixels[:, 200].mean() > 240 and pixels[:, 20].mean() < 15


@pytest.mark.parametrize(
    ("mode", "colour", "expected", "kind"),
    [
        ("L", 128, (128, 128, 128), "PNG"),
        ("1", 1, (255, 255, 255), "PNG"),
        ("RGBA", (255, 0, 0, 0), (255, 255, 255), "PNG"),
        ("RGBA", (255, 0, 0, 255), (255, 0, 0), "PNG"),
        ("LA", (0, 0), (255, 255, 255), "PNG"),
        ("I;16", 65535, (255, 255, 255), "PNG"),
        ("I;16", 32768, (127, 127, 127), "PNG"),
        ("P", 0, (0, 0, 0), "GIF"),
        ("CMYK", (0, 0, 0, 255), (0, 0, 0), "JPEG"),
    ],
)
def test_every_mode_becomes_rgb(mode, colour, expected, kind):
    pixels = decode(encoded(Image.new(mode, (300, 240), colour), kind))
    assert np.abs(pixels.astype(int) - expected).max() <= 2


def test_a_palette_with_transparency_shows_white():
    picture = Image.new("P", (224, 224), 0)
    picture.putpalette([255, 0, 0] * 256)
    assert (decode(encoded(picture, "PNG", transparency=0)) == 255).all()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0" + b"\0" * 50, b"GIF89a"])
def test_bytes_that_are_no_picture_are_a_data_error(content):
    with pytest.raises(DataError, match="not a readable picture"):
        decode(content)


def test_a_truncated_picture_is_a_data_error():
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), "JPEG")
    with pytest.raises(DataError, match="not a readable picture"):
        decode(content[: len(content) // 2])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.jpg: no such file"):
        decode(tmp_path / "gone.jpg")


def test_an_enormous_picture_is_refused_before_it_fills_the_memory():
    header = encoded(Image.new("1", (8, 8)))
    # The PNG header states width and height at bytes 16 to 24; its check sum follows the header's 13 bytes.
    import zlib

    claim = header[12:16] + (30000).to_bytes(4, "big") * 2 + header[24:29]
    bomb = header[:12] + claim + zlib.crc32(claim).to_bytes(4, "big") + header[33:]
    with pytest.raises(DataError):
        decode(bomb)


def test_a_picture_may_have_as_many_pixels_as_allowed_and_not_one_row_more(monkeypatch):
    monkeypatch.setattr(image, "MAX_PIXELS", 300 * 200)
    assert decode(encoded(Image.new("RGB", (300, 200)))).shape == (224, 224, 3)
    with pytest.raises(DataError, match="300x201 pixels is more than the 60,000 allowed"):
        decode(encoded(Image.new("RGB", (300, 201))))


def test_preprocess_normalizes_each_channel():
    images = np.random.default_rng(1).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    expected = ((images / 255.0 - MEAN) / STD).transpose(0, 3, 1, 2)
    found = preprocess(images)
    assert found.dtype == np.float32 and found.flags.c_contiguous and found.shape == (3, 3, 224, 224)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_preprocess_takes_one_image_as_a_batch_of_one():
    assert preprocess(np.zeros((224, 224, 3), dtype=np.uint8)).shape == (1, 3, 224, 224)


@pytest.mark.parametrize("images", [np.zeros((2, 3, 224, 224), np.uint8), np.zeros((1, 224, 224, 3), np.float32)])
def test_preprocess_refuses_other_shapes_and_types(images):
    with pytest.raises(DataError, match="Expected uint8 images"):
        preprocess(images)


def test_postprocess_is_a_softmax_that_survives_large_logits():
    found = postprocess(np.array([[1000.0, 999.0], [-1000.0, -1000.0]], dtype=np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.7310586, 0.2689414], [0.5, 0.5]], rtol=1e-5)


def test_postprocess_refuses_a_single_row():
    with pytest.raises(DataError, match=r"shape \(N,C\)"):
        postprocess(np.zeros(11))


def test_the_numpy_part_works_without_pillow():
    program = (
        "import sys; sys.modules['PIL'] = None\n"
        "import numpy as np\n"
        "from snippets.data import image\n"
        "image.postprocess(image.preprocess(np.zeros((1, 224, 224, 3), np.uint8)).reshape(1, -1)[:, :11])\n"
        "from snippets.errors import ToolMissing\n"
        "try: image.decode(b'')\n"
        "except ToolMissing as error: print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "pip install pillow" in found.stdout
