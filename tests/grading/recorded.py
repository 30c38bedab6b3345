"""Runs that were measured for real and are kept, without their models and pictures: one of each part, and a second one
of part edge from the same machine. Those of schema version 1 were made by older kits, before rounds and windows."""

from __future__ import annotations

import zipfile
from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"
KEPT = ("records_v1/edge", "records_v1/model", "records_v1/system") + tuple(
    f"records_v2/{name}" for name in ("edge", "edge_again", "model", "system")
)
OWNERS = {name: name.partition("/")[0] for name in KEPT if not name.endswith("_again")}
"""Whose they are, as far as they belong together: part 2 carries over samples of its own part 1."""
SMALL = ("records_v1/edge", "records_v2/edge", "records_v2/model")
"""Some that are read in no time."""
NOW = tuple(name for name in KEPT if name.startswith("records_v2"))


def recorded(name: str, base: Path) -> Path:
    """The run folder of a kept run, unpacked under `base`."""
    target = base / name
    with zipfile.ZipFile(DATA / f"{name}.zip") as archive:
        archive.extractall(target)
    return target / name.rpartition("/")[2].partition("_")[0]
