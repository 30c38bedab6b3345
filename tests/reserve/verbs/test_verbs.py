"""The verbs as they are typed, in another process, against the emulator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import servelab as command
from reserve.errors import CredentialsError, Missing, UsageError
from reserve.run.options import DEFAULTS
from reserve.verbs import up as module
from reserve.verbs.down import down
from reserve.verbs.run import run_at
from reserve.verbs.up import bring_up
from tests.reserve.scenario import next_command, reserved


@pytest.fixture
def servelab(chameleon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """`servelab("status")`: exit status and all words, each call with a fresh desk."""
    monkeypatch.setenv("SERVELAB_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SERVELAB_NETID", "ab123")

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["servelab", *words])
        capsys.readouterr()
        try:
            code = command.main() or 0
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def test_an_error_in_a_process_of_its_own_is_one_line(tmp_path, root):
    env = {**os.environ, "SERVELAB_STATE": str(tmp_path)}
    words = [sys.executable, str(root / "servelab.py"), "up", "model"]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 14 and done.stdout == ""
    assert done.stderr.startswith("servelab: there is no lease for model") and done.stderr.count("\n") == 1


def test_from_slots_to_down(servelab, chameleon):
    code, text = servelab("slots", "system", "--tz", "America/New_York")
    assert code == 0 and "gpu_p100 at CHI@TACC" in text and "2 of 2" in text
    code, text = servelab("reserve", "system", "--start", "now")
    assert code == 0 and "lease serve_system_ab123 at CHI@TACC" in text
    assert servelab("reserve", "system", "--start", "now")[1].count("nothing new is made") == 1
    code, text = servelab("status")
    assert code == 0 and "serve_system_ab123 at CHI@TACC" in text and "left (ends" in text and "no node yet" in text
    code, text = servelab("down", "system")
    assert code == 0 and "nothing is held" in text
    chameleon.assert_empty()
    assert servelab("status") == (0, "nothing is held. See free blocks with `servelab slots PART`.\n")
    assert "no orphans" in servelab("status", "--orphans")[1]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("reserve", "system", "--start", "2027-03-04 15:30"), 2, "whole hour"),
        (("reserve", "physics", "--start", "now"), 2, "no part"),
        (("slots", "system", "--tz", "Mars/Olympus"), 2, "unknown time zone"),
        (("slots", "model", "--site", "CHI@Mars"), 2, "it runs at CHI@TACC, CHI@UC"),
    ],
)
def test_a_wrong_word_is_one_line_and_its_exit_code(words, code, says, servelab):
    status, text = servelab(*words)
    assert status == code and re.search(says, text) and "Traceback" not in text
    assert text.strip().startswith("servelab: ") or "\nservelab: " in text


def test_a_wrong_password_is_told_with_the_way_to_a_right_one(servelab, monkeypatch):
    monkeypatch.setenv("OS_PASSWORD", "wrong-password")
    code, text = servelab("slots", "system")
    assert code == 15 and "Sign in again" in text and "wrong-password" not in text


def test_a_run_without_a_node_says_to_make_one(desk):
    with pytest.raises(UsageError, match="--site is chameleon"):
        run_at(desk, "moon", "system", DEFAULTS)
    reserved(desk)
    with pytest.raises(Missing, match="servelab up system"):
        run_at(desk, "chameleon", "system", DEFAULTS)
    down(desk, "system")


def test_up_prints_one_url_and_the_way_to_it(desk, chameleon, monkeypatch):
    monkeypatch.setattr("reserve.verbs.up.provision", lambda *args: [])
    monkeypatch.setattr("reserve.verbs.up.tasks_for", lambda *args, **kw: [])
    reserved(desk)
    real = module.reach

    def with_jupyter_facts(*args, **kwargs):
        machine = real(*args, **kwargs)
        machine.run('mkdir -p ~/.servelab && echo \'{"port": 8888, "token": "tok3n"}\' > ~/.servelab/jupyter.json')
        return machine

    monkeypatch.setattr(module, "reach", with_jupyter_facts)
    bring_up(desk, "system")
    urls = [word.strip() for word in desk.words if "http://" in word]
    assert urls == ["http://127.0.0.1:8888/lab?token=tok3n"]
    assert any("ssh -N -i" in word and "-L 8888:127.0.0.1:8888 cc@127.77." in word for word in desk.words)
    down(desk, "system")
    chameleon.assert_empty()


def test_a_key_that_is_not_there_is_told_before_a_node_is_made(desk, chameleon):
    reserved(desk)
    with pytest.raises(CredentialsError, match="no private key"):
        bring_up(next_command(desk, key="/nonexistent"), "system")
    assert not chameleon.inventory()["servers"]
    down(desk, "system")
