"""Dockerfile and pins agree in the kit, and where they do not it is found."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from reserve.containers import check, pins
from snippets.errors import SiteError


def test_the_kits_own_files_have_no_problems(held: pins.Pins) -> None:
    assert check.problems(held) == []
    assert {path.parent.name for path in check.dockerfiles()} == {"triton"}


def test_write_brings_a_dockerfile_in_line(tmp_path: Path, held: pins.Pins, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check.write(held) == []
    path = tmp_path / "Dockerfile"
    path.write_text("ARG TRITON_IMAGE=python:3.9\nFROM ${TRITON_IMAGE}\n")
    monkeypatch.setattr(check, "dockerfiles", lambda: [path])
    assert check.write(held) == [path]
    assert path.read_text() == f"ARG TRITON_IMAGE={held.images['TRITON_IMAGE']}\nFROM ${{TRITON_IMAGE}}\n"


def test_a_pin_that_no_image_uses_is_found(held: pins.Pins) -> None:
    unused = dataclasses.replace(held, images={**held.images, "CARGO_IMAGE": "rust:1.80"})
    assert "pins.toml: no Dockerfile uses CARGO_IMAGE" in check.problems(unused)


def test_an_argument_that_is_no_pin_is_found(tmp_path: Path, held: pins.Pins, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("ARG CARGO\nARG TRITON_NUMPY_VERSION\n")
    monkeypatch.setattr(check, "dockerfiles", lambda: [path])
    found = check.problems(held)
    assert f"{tmp_path.name}/Dockerfile: ARG CARGO is not in pins.toml" in found
    assert any("ARG TRITON_NUMPY_VERSION is empty, pins.toml says 2.2.6" in line for line in found)


def test_a_pin_for_an_image_that_does_not_exist_is_found(held: pins.Pins) -> None:
    stray = dataclasses.replace(held.packages[0], image="tritn")
    found = check.problems(dataclasses.replace(held, packages=(stray, *held.packages[1:])))
    assert found == [f"pins.toml: {stray.argument} is for tritn, which is no image"]


@pytest.mark.network
def test_the_pins_of_every_image_resolve_for_its_python_and_platform(held: pins.Pins) -> None:
    impossible = dataclasses.replace(held.packages[0], image="impossible", version="99.0.0")
    inside = {**held.inside, "impossible": held.inside["triton"]}
    asked = dataclasses.replace(held, packages=(*held.packages, impossible), inside=inside)
    try:
        found = check.resolutions(asked)
    except SiteError as error:
        pytest.skip(str(error))
    assert "99.0.0" in found.pop("impossible")
    assert found == {"triton": ""}
