"""JupyterLab on the lab's notebooks (`make jupyter`): it saves what was built, but for what somebody changed."""

from typing import Any


def without_python_version(model: dict[str, Any], **_: Any) -> None:
    """Leave out of a notebook that is saved which Python ran it: it would make every checkout a changed one."""
    if model["type"] == "notebook":
        model["content"]["metadata"].get("language_info", {}).pop("version", None)


c = get_config()  # type: ignore[name-defined]  # noqa: F821
c.ContentsManager.pre_save_hook = without_python_version
