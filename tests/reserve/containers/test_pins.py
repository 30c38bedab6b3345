"""Pins are exact and have reasons, and all else about versions follows from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve.containers import pins
from snippets.errors import UsageError


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("nvcr.io/nvidia/tritonserver:24.10-py3", "nvcr.io/nvidia/tritonserver:latest", "not exact"),
        ("nvcr.io/nvidia/tritonserver:24.10-py3", "tritonserver", "not exact"),
        ('version = "2.2.6"', 'version = ">=2"', "not an exact version"),
        ('reason = "The newest numpy for Python 3.10."', 'reason = " "', "no reason"),
        ("[image.TRITON_IMAGE]", "[image.TRITON_IMAGE", "not valid TOML"),
    ],
)
def test_pins_must_be_exact_and_have_reasons(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = (pins.FOLDER / "pins.toml").read_text()
    assert old in text
    (tmp_path / "pins.toml").write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=says):
        pins.load(tmp_path / "pins.toml")


def test_triton_is_the_same_image_everywhere(held: pins.Pins) -> None:
    from snippets.triton import launch

    assert held.images["TRITON_IMAGE"] == launch.IMAGE


SMALL = """
[image.PYTHON_IMAGE]
name = "python:3.12.12-slim"
reason = " The lab's. "

[package.NUMPY]
name = "numpy"
version = "2.2.6"
image = "triton"
reason = "Its Python."

[inside.triton]
python = "3.10"
platform = "linux"
"""


@pytest.fixture
def small(tmp_path: Path) -> pins.Pins:
    (tmp_path / "pins.toml").write_text(SMALL)
    return pins.load(tmp_path / "pins.toml")


def test_a_file_of_pins_is_read_entry_by_entry(small: pins.Pins) -> None:
    assert small.images == {"PYTHON_IMAGE": "python:3.12.12-slim"}
    assert small.reasons == {"PYTHON_IMAGE": "The lab's.", "NUMPY": "Its Python."}
    assert small.packages == (pins.Package("NUMPY", "numpy", "2.2.6", "triton", "Its Python."),)
    assert small.inside == {"triton": ("3.10", "linux")}


def test_every_version_is_a_build_argument(small: pins.Pins) -> None:
    assert small.arguments() == {"PYTHON_IMAGE": "python:3.12.12-slim", "NUMPY": "2.2.6"}
