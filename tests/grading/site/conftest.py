"""The site of a run on paper, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.site.build import write_site
from tests.grading.site import made


@pytest.fixture(scope="package")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Run folders by part; part edge has none."""
    folder = tmp_path_factory.mktemp("runs")
    return {"model": made.measured(folder), "system": made.loaded(folder)}


@pytest.fixture(scope="package")
def site(runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of these runs; not to be changed."""
    out = tmp_path_factory.mktemp("out") / "site"
    write_site(list(runs.values()), out, [made.Machine(), made.Machine("edge", offered=False)])
    return out
