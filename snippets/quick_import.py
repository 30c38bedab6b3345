"""jsonschema, and papermill and nbformat that stand on it, imported in a fraction of the time."""

from __future__ import annotations

import sys


def without_iri_checks() -> None:
    """Call before importing jsonschema or what imports it: leaves out its optional checks of IRIs (RFC 3987).

    JupyterLab installs the package for them, which builds its grammar at each import, for two to three seconds.
    Neither notebooks nor the kit's schemas hold IRIs.
    """
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
