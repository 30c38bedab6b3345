"""The node's shell programs as one command: arguments quoted, comments left here."""

from __future__ import annotations

import subprocess
from importlib import resources

import pytest

from reserve.node.shell import program


def run(text: str, **options) -> str:
    return subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True, **options).stdout


def test_arguments_arrive_as_they_are() -> None:
    words = ("a b", "it's", '"$HOME"', "*")
    assert run(program(arguments=words) + '\nprintf "%s\\n" "$@"').splitlines() == list(words)


def test_comments_and_empty_lines_are_not_sent() -> None:
    text = program("sudo", "docker")
    assert "#" not in text and "" not in text.splitlines()
    assert text.index("SUDO=") < text.index("get.docker.com")


def test_a_program_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(FileNotFoundError):
        program("no_such_program")


def test_every_program_says_which_shell_it_is_for_and_what_it_does() -> None:
    files = [file for file in resources.files("reserve.node").iterdir() if file.name.endswith(".sh")]
    assert len(files) > 10
    for file in files:
        first, second = file.read_text().splitlines()[:2]
        assert first == "#!/bin/sh" and second.startswith("# "), file.name


def test_the_machine_says_what_it_is() -> None:
    said = dict(line.split("=", 1) for line in run(program("look")).splitlines())
    assert int(said["cores"]) >= 1 and int(said["free_kb"]) > 0 and int(said["now"]) > 1_700_000_000
    assert said["machine"]
