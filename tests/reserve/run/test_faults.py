"""Whatever a package raises: one line, and the exit code of its kind."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reserve.run import faults
from reserve.run.faults import as_kit_error, is_full, says_full
from snippets.errors import KitError, StorageError, ToolMissing


def os_error(number: int, path: object = None) -> OSError:
    return OSError(number, os.strerror(number), str(path)) if path else OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (os_error(errno.EPIPE), StorageError, "Nobody reads the output any more"),
        (os_error(errno.ENOSPC), StorageError, "output could be written \\(No space left on device\\): free"),
        (os_error(errno.ENOSPC, "/x/a.zip"), StorageError, "The disk is full: /x/a.zip"),
        (os_error(errno.EDQUOT, "/x/a.zip"), StorageError, "The disk is full: /x/a.zip"),
        (
            os_error(errno.EACCES, "/x/a.zip"),
            StorageError,
            "/x/a.zip cannot be read or written \\(Permission denied\\)",
        ),
        (os_error(errno.EROFS, "/x/a.zip"), StorageError, "/x/a.zip .*Read-only file system"),
        (os_error(errno.ENOENT, "/no folder/a.zip"), StorageError, "no folder /no folder for a.zip: make it first"),
        (os_error(errno.ENOTDIR, "/etc/hostname/a"), StorageError, "/etc/hostname"),
        (os_error(errno.EISDIR, "/tmp"), StorageError, "/tmp cannot be used \\(Is a directory\\)"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), StorageError, "disk is full: I/O error"),
        (
            ModuleNotFoundError("No module named 'jinja2'", name="jinja2"),
            ToolMissing,
            "package jinja2.*-e '.\\[notebook\\]'",
        ),
        (
            ModuleNotFoundError("No module named 'typst.x'", name="typst.x"),
            ToolMissing,
            "package typst,.*'.\\[grade\\]'",
        ),
        (TypeError("unhashable type: 'list'"), KitError, "TypeError: unhashable type.*report it, with what stands in"),
    ],
)
def test_an_error_becomes_a_line(error: Exception, kind: type[KitError], said: str) -> None:
    told = as_kit_error(error)
    assert type(told) is kind and "\n" not in str(told)
    assert re.search(said, str(told)), told


def test_the_traceback_of_an_unknown_error_is_kept_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults.tempfile, "tempdir", str(tmp_path))
    try:
        raise KeyError("lost")
    except KeyError as error:
        told = str(as_kit_error(error))
    (kept,) = tmp_path.iterdir()
    assert str(kept) in told and "test_faults.py" in kept.read_text() and "KeyError: 'lost'" in kept.read_text()
    monkeypatch.setattr(faults.tempfile, "tempdir", str(tmp_path / "none"))
    assert "what stands in the command" in str(as_kit_error(KeyError("lost")))


def test_a_full_disk_is_known_by_words_and_by_what_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert says_full("SafetensorError: Error while serializing: I/O error: No space left on device (os error 28)")
    assert says_full(os_error(errno.EROFS)) and not says_full("ValueError: no") and not says_full(os_error(errno.EPERM))
    assert is_full([tmp_path, tmp_path / "none"]) is None
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(faults.shutil, "disk_usage", lambda path: usage)
    assert is_full([tmp_path]) == tmp_path


@pytest.mark.parametrize("words", ["--help", "params model", "questions model"])
@pytest.mark.parametrize("output", ["full", "pipe", "closed"])
def test_an_output_that_takes_nothing_is_told_in_one_line(words: str, output: str, root: Path) -> None:
    target = {"full": ">/dev/full", "pipe": "| true", "closed": ">&-"}[output]
    # The reader of the pipe is gone before anything is written.
    command = f"set -o pipefail; {{ sleep 0.3; {sys.executable} servelab.py {words}; }} {target}"
    ended = subprocess.run(["bash", "-c", command], cwd=root, capture_output=True, text=True, timeout=120)
    if output == "closed":
        assert (ended.returncode, ended.stderr) == (0, "")
        return
    why = "No space left on device" if output == "full" else "Nobody reads the output any more"
    (line,) = ended.stderr.splitlines()
    assert line.startswith("servelab: ") and why in line
    assert ended.returncode == 8


@pytest.mark.parametrize(
    "words",
    [
        "questions model --functions {file}/f.py",
        "questions model --predictions {file}/f.toml",
        "gradescope build model --out {file}/a.zip",
        "gradescope template model --out {file}/a.pdf",
        "release model --course {file}/c",
        "edition {file}/e",
        "run model --runs {file}/r",
        "gradescope build model --out /proc/none/a.zip",
        "gradescope template model --out {file}/b/a.pdf",
    ],
)
def test_a_place_that_cannot_be_written_is_told_in_one_line(words: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    arguments = words.format(file=tmp_path / "file").split()
    ended = subprocess.run(
        [sys.executable, "servelab.py", *arguments], cwd=root, capture_output=True, text=True, timeout=300
    )
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 8 and line.startswith("servelab: ") and ("/file" in line or "/proc/none" in line)
    assert "--runs" not in line or "run model" in words, "advice names an option that the verb has"
