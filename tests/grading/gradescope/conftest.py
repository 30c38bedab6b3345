"""An autograder of part edge, and a submission to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.gradescope.build import build_autograder
from tests.grading.students import hand_in, make_run

RIGHT = "def crossover_ms(edge_ms, server_ms):\n    return max(0.0, edge_ms - server_ms)\n"


@pytest.fixture(scope="package")
def autograder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_autograder("edge", tmp_path_factory.mktemp("built") / "autograder.zip", functions=True)


@pytest.fixture(scope="package")
def submission(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("student")
    run = make_run(folder / "runs", 71)
    (run / "functions.py").write_text(RIGHT)
    return hand_in(run, "ab123", folder / "out", pdf=False).zip
