"""Notebooks are executed as `servelab run` executes them: in forked kernels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jupyter_client.provisioning import KernelProvisionerFactory

from grading.kernels.client import fork_kernels


@pytest.fixture(scope="package", autouse=True)
def forked_kernels() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "local-provisioner")  # so that it is put back
        patch.setattr(KernelProvisionerFactory, "_instance", None)
        fork_kernels()
        yield
