"""`notebooks/0_reserve.ipynb`, executed: the same verbs as on the command line, here on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import papermill
import pytest

from snippets.record.run import load_record


@pytest.mark.slow
def test_the_notebook_takes_a_student_from_slots_to_a_run_at_home(small_kit: Path, tmp_path: Path, root, monkeypatch):
    kit = tmp_path / "kit"
    shutil.copytree(small_kit, kit)
    shutil.copy(root / "notebooks" / "0_reserve.ipynb", kit / "notebooks")
    for name, place in (("HOME", "."), ("SERVELAB_STATE", "state"), ("SERVELAB_RUNS", "runs")):
        monkeypatch.setenv(name, str(tmp_path / place))
    monkeypatch.setenv("PATH", os.environ["PATH"])
    done = papermill.execute_notebook(
        kit / "notebooks" / "0_reserve.ipynb",
        None,
        parameters={"part": "model", "netid": "ab123", "site": "local", "unpredicted": True},
        cwd=str(kit / "notebooks"),
        progress_bar=False,
        kernel_name="python3",
    )
    text = "".join(
        "".join(output.get("text", "")) for cell in done.cells for output in cell.get("outputs", []) if "text" in output
    )
    assert "4 steps at home and verified" in text and "model: nothing is held" in text
    assert len(load_record(tmp_path / "runs" / "model" / "quick").steps) == 4
