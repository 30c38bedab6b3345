"""The edge notebooks on an emulated Cortex-A76, with the `edge` extra's aarch64 wheels: for correctness, not timing.

Debian's arm64 Python is unpacked beside the packages into a folder and run by qemu's user-mode emulation.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from snippets.edge import bundle, device
from snippets.record.run import load_record
from tests.snippets.servers import save_toy_onnx

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
QEMU = shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")
KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PLATFORM = "aarch64-manylinux_2_36"
# Executes a notebook's code cells in order, as a kernel would, with its parameters replaced.
RUNNER = """
import json, sys
from snippets.edge import cold_start
cold_start.LIMIT_S = 1500.0  # emulated, a start takes tens of times as long
sys.executable, notebook, parameters = sys.argv[1], json.load(open(sys.argv[2])), json.loads(sys.argv[3])
names = {"__name__": "__main__"}
for cell in notebook["cells"]:
    if cell["cell_type"] == "code":
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
        if "parameters" in cell["metadata"].get("tags", []):
            names.update(parameters)
"""


def run(command: list[str | Path], **options) -> str:
    """The command's output; skips the test where a download cannot be made, fails with the errors otherwise."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=1500, **options)
    if done.returncode and ("Temporary failure resolving" in done.stderr or "error sending request" in done.stderr):
        pytest.skip("the package archives cannot be reached")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def debian() -> str:
    """This machine's own source of Debian 12, for apt; skips the test elsewhere."""
    told = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"])
    for line in told.splitlines():
        uri, release = line.split()
        if release == "bookworm" and KEYS.is_file():
            return f"deb [signed-by={KEYS}] {uri} bookworm main"
    return pytest.skip("apt knows no source of Debian 12; run `apt-get update` first")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """A program that runs Python 3.11 for aarch64 with the `edge` extra, as `python3` would on the device."""
    if QEMU is None or shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        pytest.skip("needs qemu-aarch64 and Debian's package tools: apt-get install qemu-user-static")
    folder = tmp_path_factory.mktemp("arm")
    for part in ("state/lists/partial", "cache/archives/partial", "root", "site"):
        (folder / part).mkdir(parents=True)
    (folder / "state" / "status").touch()
    (folder / "sources.list").write_text(debian() + "\n")
    (folder / "apt.conf").write_text(
        'APT::Architecture "arm64"; APT::Architectures { "arm64"; }; APT::Sandbox::User "root";\n'
        f'Dir::State "{folder}/state"; Dir::State::status "{folder}/state/status"; Dir::Cache "{folder}/cache";\n'
        f'Dir::Etc::sourcelist "{folder}/sources.list"; Dir::Etc::sourceparts "/dev/null";\n'
        'Acquire::Languages "none"; Debug::NoLocking "true";\n'
    )
    apt = {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}
    run(["apt-get", "-q", "update"], env=apt)
    wanted = ["python3.11", "libstdc++6", "zlib1g", "libgcc-s1"]
    run(["apt-get", "-q", "install", "-y", "--no-install-recommends", "--download-only", *wanted], env=apt)
    for package in (folder / "cache" / "archives").glob("*.deb"):
        run(["dpkg-deb", "-x", package, folder / "root"])
    run(
        [
            sys.executable,
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--target",
            folder / "site",
            "--python-version",
            "3.11",
            "--python-platform",
            PLATFORM,
            "--only-binary",
            ":all:",
            "--constraint",
            root / "constraints.txt",
            "--requirements",
            root / "pyproject.toml",
            "--extra",
            "edge",
        ],
        cwd=root,
    )
    program = folder / "python3"
    program.write_text(
        f'#!/bin/sh\nexport PYTHONPATH="{folder}/site:{root}" MPLBACKEND=agg\n'
        f'exec {QEMU} -cpu cortex-a76 -L "{folder}/root" "{folder}/root/usr/bin/python3.11" "$@"\n'
    )
    program.chmod(0o755)
    return program


def test_it_is_an_arm_python_with_what_the_extra_brings_and_no_more(python: Path) -> None:
    code = "import platform, numpy, onnxruntime, matplotlib; print(platform.machine(), onnxruntime.__version__)"
    assert run([python, "-c", code]).split() == ["aarch64", "1.24.4"]
    missing = subprocess.run([str(python), "-c", "import torch"], capture_output=True, text=True, timeout=120)
    assert "ModuleNotFoundError" in missing.stderr


def test_the_notebooks_run_on_arm(python: Path, root: Path, tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    kit.mkdir()
    save_toy_onnx(kit / "fp32.onnx")
    shutil.copyfile(kit / "fp32.onnx", kit / "aggressive.onnx")
    photos = np.zeros((6, 224, 224, 3), dtype=np.uint8)
    labels = np.arange(6) % 3
    for index, label in enumerate(labels):
        photos[index, ..., label] = 255
    np.savez(kit / bundle.PHOTOS_FILE, photos=photos, labels=labels)
    common = {"runs": str(tmp_path / "runs"), "run_id": "pi"}
    for name, more in (
        ("1_latency", {"kit": str(kit)}),
        ("2_soak_and_cold_start", {"kit": str(kit), "soak_seconds": 2.0}),
        ("3_cloud_or_edge", {}),
    ):
        notebook = root / "notebooks" / "edge" / f"{name}.ipynb"
        run([python, "-c", RUNNER, python, notebook, json.dumps({**common, **more})], cwd=notebook.parent)
    record = load_record(tmp_path / "runs" / "edge" / "pi")
    assert record.host["cpu"]["machine"] == "aarch64"
    assert record.verify() == []
    assert [row.accuracy.value for row in device.verdicts(record)] == [1.0, 1.0]
    starts = record.result("cold/fp32/start")
    assert np.all(starts["answered_ms"] >= starts["first_inference_ms"])
    assert {path.stem for path in (tmp_path / "runs" / "edge" / "pi" / "figures").iterdir()} == {
        "latency",
        "threads",
        "cold-start",
        "soak",
        "cloud-or-edge",
    }


def test_the_real_models_answer_on_arm_as_they_do_here(python: Path, root: Path, tmp_path: Path) -> None:
    """float32 to the last digits; 8-bit kernels differ between processors, but hardly in the class that they name."""
    kit = bundle.write_kit(tmp_path / "kit", runs=str(tmp_path / "none"), photos=11)
    with np.load(kit / bundle.PHOTOS_FILE) as held:
        photos = held["photos"]
    code = (
        "import sys, numpy as np; from snippets.data import image; from snippets.edge import device;"
        "photos = np.load(sys.argv[1] + '/photos.npz')['photos'];"
        "np.savez(sys.argv[1] + '/arm.npz', **{name: device.classifier(sys.argv[1] + '/' + name + '.onnx', 1)"
        "(image.preprocess(photos)) for name in device.VARIANTS})"
    )
    run([python, "-c", code, kit], cwd=root)
    from snippets.data import image

    with np.load(kit / "arm.npz") as arm:
        for variant in device.VARIANTS:
            here = device.classifier(kit / f"{variant}.onnx", 1)(image.preprocess(photos))
            if variant == "fp32":
                np.testing.assert_allclose(arm[variant], here, atol=2e-3)
            agreed = (arm[variant].argmax(axis=1) == here.argmax(axis=1)).mean()
            assert agreed >= (1.0 if variant == "fp32" else 0.8), variant
