"""PART and RUN: whatever verb takes one checks it, completes it, and suggests the nearest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import servelab
from reserve.run.arguments import PART, PART_OR_ALL, RUN
from snippets.record.run import open_run

# Verbs that take a part, with what they need beside it.
TAKES_A_PART = {
    "run": (),
    "params": (),
    "slots": (),
    "reserve": (),
    "up": (),
    "keep": (),
    "down": (),
    "go": (),
    "questions": (),
    "check": (),
    "release": (),
    "autograde": (),
    "show": (),
    "report": (),
    "site": (),
    "collect": ("--netid", "ab123"),
    "gradescope build": (),
    "gradescope template": (),
}


def verbs() -> dict[str, click.Command]:
    """Every verb by its words."""
    found = {}
    for name, command in servelab.cli.commands.items():
        inner = command.commands if isinstance(command, click.Group) else {}
        found.update({f"{name} {one}": each for one, each in inner.items()} or {name: command})
    return found


def test_every_argument_that_is_a_part_or_a_run_is_checked_and_completed() -> None:
    for words, command in verbs().items():
        for param in command.params:
            if param.name in ("part", "parts", "run", "runs") and param.param_type_name == "argument":
                assert param.type in (PART, PART_OR_ALL, RUN), words
                assert words in TAKES_A_PART, "and is tried below"


@pytest.mark.parametrize("words", TAKES_A_PART)
@pytest.mark.parametrize(("typo", "meant"), [("modle", "model"), ("EDGE", "edge"), ("systm", "system")])
def test_a_part_that_does_not_exist_is_refused_with_the_nearest(
    words: str,
    typo: str,
    meant: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["servelab", *words.split(), typo, *TAKES_A_PART[words]])
    with pytest.raises(SystemExit) as ended:
        servelab.main()
    said = capsys.readouterr()
    assert ended.value.code == 2 and "part" in said.err and f"Did you mean {meant}?" in said.err
    assert said.out == "" and list(tmp_path.iterdir()) == []


def test_names_are_completed() -> None:
    def completed(kind: click.ParamType, text: str) -> list[str]:
        return [item.value for item in kind.shell_complete(None, None, text)]  # type: ignore[arg-type]

    assert completed(PART, "") == ["model", "edge", "system"] and completed(PART_OR_ALL, "") == [
        *completed(PART, ""),
        "all",
    ]
    assert completed(PART, "s") == ["system"] and completed(PART, "x") == []
    folder = open_run("model", run_id="quick").folder
    assert completed(RUN, "mo") == ["model"] and completed(RUN, str(folder)[:-2]) == [str(folder)]
    (file,) = RUN.shell_complete(None, None, "./x")  # type: ignore[arg-type]
    assert (file.value, file.type) == ("./x", "file")


@pytest.mark.parametrize(
    ("words", "wanted"), [("down m", "model"), ("keep e", "edge"), ("run a", "all"), ("show s", "system")]
)
def test_a_shell_is_answered(words: str, wanted: str, root: Path) -> None:
    asked = {"_SERVELAB_COMPLETE": "bash_complete", "COMP_WORDS": f"servelab {words}", "COMP_CWORD": "2"}
    ended = subprocess.run(
        [sys.executable, "servelab.py"],
        cwd=root,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.split() == [f"plain,{wanted}"] and ended.stderr == ""
