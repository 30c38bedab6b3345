"""The kernel provisioner `servelab-warm`: Jupyter's own one, with the kernel's process forked and not started."""

from __future__ import annotations

import os
from typing import Any, cast

from jupyter_client.provisioning import LocalProvisioner

from grading.kernels.client import OPTIONS, NoWarmKernel, warm_pool

LAUNCHER = "ipykernel_launcher"


class WarmProvisioner(LocalProvisioner):
    """Starts IPython kernels by forking a warm process; any other kernel, and where that fails, as Jupyter does."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start the kernel; returns its connection information."""
        options = {name: value for name, value in self._scrub_kwargs(kwargs).items() if value is not None}
        before, _, after = "\0".join(cmd).partition(f"\0-m\0{LAUNCHER}\0")
        if not after or set(before.split("\0")[1:]) - set(OPTIONS) or set(options) - {"env", "cwd"}:
            return await super().launch_kernel(cmd, **kwargs)
        cwd = os.path.abspath(options.get("cwd") or os.getcwd())  # noqa: PTH100,PTH109 - as Jupyter passes it
        try:
            kernel = warm_pool().start(after.split("\0"), dict(options.get("env") or os.environ), cwd)
        except NoWarmKernel as error:
            self.log.warning("An ordinary kernel is started: %s", error)
            return await super().launch_kernel(cmd, **kwargs)
        self.process = cast(Any, kernel)
        self.pid = self.pgid = kernel.pid
        self.cwd = cwd
        return self.connection_info
