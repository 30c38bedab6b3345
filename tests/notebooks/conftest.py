"""Notebooks are executed as `servelab run` executes them: in forked kernels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.provisioning import KernelProvisionerFactory

from grading.kernels.client import fork_kernels
from snippets.record.read import Record, load_record
from tests.notebooks.system_notebooks import TRITON_NOTEBOOKS, Executed, execute


@pytest.fixture(scope="package", autouse=True)
def forked_kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "local-provisioner")  # so that it is put back
        patch.setattr(KernelProvisionerFactory, "_instance", None)
        fork_kernels()
        yield


@pytest.fixture(scope="session")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """Part 3's Triton notebooks, run once from top to bottom with the short load windows of profile `tiny`."""
    folder = tmp_path_factory.mktemp("runs")
    shown = {name: execute(name, profile="tiny", runs=str(folder), run_id="test") for name in TRITON_NOTEBOOKS}
    return Executed(folder, shown)


@pytest.fixture
def runs(executed: Executed) -> Path:
    """The folder of their run records."""
    return executed.runs


@pytest.fixture
def record(executed: Executed) -> Record:
    """Their run's record."""
    return load_record(executed.runs / "system" / "test")
