"""JupyterLab on the lab's notebooks (`make jupyter`): it saves what was built, but for what somebody changed, and its
terminals find `servelab`."""

import os
import sys
from pathlib import Path
from typing import Any


def without_python_version(model: dict[str, Any], **_: Any) -> None:
    """Leave out of a notebook that is saved which Python ran it: it would make every checkout a changed one."""
    if model["type"] == "notebook":
        model["content"]["metadata"].get("language_info", {}).pop("version", None)


c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.ContentsManager.pre_save_hook = without_python_version

# Not a login shell: that would set PATH anew.
c.ServerApp.terminado_settings = {"shell_command": [os.environ.get("SHELL") or "bash"]}
commands = str(Path(sys.executable).parent)
if commands not in os.environ.get("PATH", "").split(os.pathsep):
    os.environ["PATH"] = os.pathsep.join([commands, os.environ.get("PATH", os.defpath)])
