"""The pins of every target resolve, for its Python and platform and from wheels alone, before a lease is spent."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

# target: extra, Python, platform. Ubuntu 24.04 (GPU nodes) has Python 3.12, glibc 2.39; Debian 12 has 3.11.2, 2.36.
TARGETS = {
    "laptop, Linux": ("lab", "3.11.2", "x86_64-manylinux_2_35"),
    "laptop, macOS": ("lab", "3.12", "aarch64-apple-darwin"),
    "laptop, Linux on Arm": ("lab", "3.12", "aarch64-manylinux_2_39"),
    "everything, as make installs it": ("lab,chameleon,grade,plan,dev", "3.11.2", "x86_64-manylinux_2_35"),
    "mutation testing, beside all that": (
        "lab,chameleon,grade,plan,dev,mutation",
        "3.11.2",
        "x86_64-manylinux_2_35",
    ),
    "A100 node": ("a100", "3.12", "x86_64-manylinux_2_39"),
    "P100 node": ("p100", "3.12", "x86_64-manylinux_2_39"),
    "MI100 node": ("mi100", "3.12", "x86_64-manylinux_2_39"),
    "Raspberry Pi 5": ("edge", "3.11", "aarch64-manylinux_2_31"),
}

# What `make` installs, on every Python and platform that the README names.
EVERYTHING = "lab,chameleon,grade,plan,dask,dev"
PLATFORMS = {
    "Linux": "x86_64-manylinux_2_35",
    "Linux on Arm": "aarch64-manylinux_2_35",
    "macOS": "aarch64-apple-darwin",
}
MATRIX = {
    f"{name}, Python {python}": (EVERYTHING, python, platform)
    for name, platform in PLATFORMS.items()
    for python in ("3.11", "3.12", "3.13")
}
TARGETS |= MATRIX

pytestmark = pytest.mark.network


def resolve(root: Path, extras: str, python: str, platform: str) -> dict[str, str] | str:
    """Package versions that the pins resolve to, or the resolver's complaint."""
    chosen = [word for extra in extras.split(",") for word in ("--extra", extra)]
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "pyproject.toml",
        *chosen,
        "--constraint",
        "constraints.txt",
        "--python-version",
        python,
        "--python-platform",
        platform,
        "--only-binary",
        ":all:",
        "--quiet",
        "--no-header",
        "--no-annotate",
    ]
    ended = subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=280,
        env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
    )
    if ended.returncode:
        return ended.stderr
    lines = [line.partition(";")[0].strip() for line in ended.stdout.splitlines() if "==" in line]
    return dict(line.split("==", 1) for line in lines)


@pytest.fixture(scope="module")
def resolved(root: Path) -> dict[str, dict[str, str] | str]:
    with ThreadPoolExecutor(4) as pool:
        answers = dict(zip(TARGETS, pool.map(lambda t: resolve(root, *t), TARGETS.values()), strict=True))
    if any(isinstance(a, str) and ("error sending request" in a or "dns error" in a) for a in answers.values()):
        pytest.skip("the package index cannot be reached")
    return answers


@pytest.mark.parametrize("target", TARGETS)
def test_the_target_resolves_from_wheels(resolved: dict, target: str) -> None:
    assert isinstance(resolved[target], dict), resolved[target]


def test_one_onnxruntime_serves_every_gpu_and_plain_one_takes_its_place_elsewhere(resolved: dict) -> None:
    for target in ("laptop, Linux", "A100 node", "P100 node"):
        assert resolved[target]["onnxruntime-gpu"] == "1.24.4" and "onnxruntime" not in resolved[target]
    for target in ("laptop, macOS", "laptop, Linux on Arm", "Raspberry Pi 5"):
        assert resolved[target]["onnxruntime"] == "1.24.4" and "onnxruntime-gpu" not in resolved[target]


def test_the_p100_gets_the_last_torch_with_its_code(resolved: dict) -> None:
    assert resolved["P100 node"]["torch"] == "2.7.1"
    assert "12.6" in resolved["P100 node"]["nvidia-cuda-runtime-cu12"]


def test_every_node_that_measures_a_server_has_mlperfs_load_generator(resolved: dict) -> None:
    for target in ("laptop, Linux", "A100 node", "P100 node"):
        assert "mlcommons-loadgen" in resolved[target]


def test_the_pi_needs_no_torch_and_no_server(resolved: dict) -> None:
    assert not {"torch", "fastapi", "tritonclient", "openvino", "onnx"} & resolved["Raspberry Pi 5"].keys()


def test_the_readme_names_the_pythons_and_platforms_that_resolve(root: Path) -> None:
    rows = {}
    for line in (root / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] in PLATFORMS:
            rows[cells[0]] = cells[1]
    assert rows == {
        name: ", ".join(python for each, python in (key.split(", Python ") for key in MATRIX) if each == name)
        for name in PLATFORMS
    }


def test_conda_and_make_install_the_same_pins(root: Path) -> None:
    pip = next(
        d["pip"] for d in yaml.safe_load((root / "environment.yml").read_text())["dependencies"] if isinstance(d, dict)
    )
    setup = (root / "setup.sh").read_text()
    assert "--constraint constraints.txt" in pip and "--constraint constraints.txt" in setup
    extras = next(line.partition(".")[2] for line in pip if line.startswith("--editable"))
    assert extras in setup


def test_every_package_that_the_course_fixes_is_there(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    named = " ".join(project["dependencies"] + sum(project["optional-dependencies"].values(), []))
    for package in (
        "python-chi",
        "jupyterlab",
        "torch",
        "onnxruntime-gpu",
        "tritonclient",
        "matplotlib",
        "papermill",
        "nbgrader",
    ):
        assert package in named
