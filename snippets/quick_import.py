"""Packages imported in a fraction of the time, without what the kit does not need of them."""

from __future__ import annotations

import importlib
import sys


def without_iri_checks() -> None:
    """Call before importing jsonschema or what imports it (papermill, nbformat): leaves out its checks of IRIs.

    JupyterLab installs the package for them (RFC 3987), which builds its grammar at each import, for two to three
    seconds. Neither notebooks nor the kit's schemas hold IRIs.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def without_torch() -> None:
    """Call before importing onnxruntime.quantization: leaves out PyTorch, which takes two to three seconds.

    `onnxruntime.tools`, which it imports, offers a helper for PyTorch's exporter wherever PyTorch is installed.
    """
    if "torch" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]
    try:
        importlib.import_module("onnxruntime.tools")
    finally:
        del sys.modules["torch"]
