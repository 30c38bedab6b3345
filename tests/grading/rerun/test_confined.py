"""Measuring in a confined child: what comes out, and that a bad model or a lack of time ends nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from grading.functions import sandbox
from grading.rerun import confined
from grading.rerun.confined import Classified, Job, Timed, measure
from tests.grading.rerun.made import tiny_model

pytestmark = [
    pytest.mark.skipif(sandbox.level() == "none", reason="nothing here can confine"),
    pytest.mark.skipif(pytest.importorskip("onnxruntime") is None, reason="no ONNX Runtime"),
]
ONES = np.ones((2, 3, 224, 224), dtype=np.float32)


def test_logits_and_times_come_out_of_it(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "tiny.onnx")
    done = measure(Job([Classified(model, "all", ONES)], [Timed(model, "all", 1), Timed(model, "none", 1)], ONES), 60)
    assert done.problem == ""
    # Every channel's mean is 1: logit k is the sum of the weights k, 11 + k and 22 + k.
    assert done.logits[0].tolist() == [[33.0 + 3 * k for k in range(11)]] * 2
    assert done.rounds and set(done.rounds[0]["blocks_ms"]) == {"0", "1"}
    assert all((times > 0).all() for one in done.rounds for times in one["blocks_ms"].values())


def test_a_file_that_is_no_model_is_said_and_the_others_are_measured(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"\x08\x08 no model")
    good = tiny_model(tmp_path / "tiny.onnx")
    done = measure(Job([Classified(tmp_path / "bad.onnx", "all", ONES), Classified(good, "all", ONES)]), 60)
    assert set(done.logits) == {1} and "ModelError" in done.problem


def test_it_is_ended_when_its_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = tmp_path / "child.py"
    endless.write_text("while True: pass\n")
    monkeypatch.setattr(confined, "CHILD", endless)
    done = measure(Job([Classified(tiny_model(tmp_path / "tiny.onnx"), "all", ONES)]), 1.0)
    assert done.logits == {} and done.problem == "it was ended after 1 s"


def test_what_it_writes_is_read_only_where_it_is_of_the_agreed_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    liar = tmp_path / "child.py"
    lines = (
        'not json\n{"output": 0, "logits": [[1]]}\n{"output": 9, "logits": [[1], [2]]}\n{"output": 0, "logits": "x"}\n'
        '{"round": {"round": 1, "blocks_ms": {"7": [1]}, "repeated": {}, "slow": []}}\n'
        '{"round": {"round": 1, "blocks_ms": {"0": [-1]}, "repeated": {}, "slow": []}}\n[]\n'
    )
    liar.write_text(f"import os, sys\nsys.stdin.buffer.read()\nos.write(1, {lines.encode()!r})\n")
    monkeypatch.setattr(confined, "CHILD", liar)
    model = tiny_model(tmp_path / "tiny.onnx")
    done = measure(Job([Classified(model, "all", ONES)], [Timed(model, "all", 1)], ONES), 20)
    assert done.logits == {} and done.rounds == [] and done.problem == "the measuring process ended without a result"


def test_it_reaches_neither_files_nor_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    curious = tmp_path / "child.py"
    curious.write_text(
        "import json, os, socket, sys\n"
        "sys.stdin.buffer.read()\n"
        "found = []\n"
        "for what in (lambda: open('/etc/passwd').read(), lambda: socket.create_connection(('127.0.0.1', 9), 1),\n"
        f"             lambda: open({str(Path(__file__).resolve())!r}).read(), lambda: open('/box/x', 'w')):\n"
        "    try:\n"
        "        what()\n"
        "        found.append('reached')\n"
        "    except OSError as error:\n"
        "        found.append('refused')\n"
        "os.write(1, json.dumps({'error': ' '.join(found)}).encode())\n"
    )
    monkeypatch.setattr(confined, "CHILD", curious)
    if sandbox.level() != "bubblewrap":
        pytest.skip("Landlock is asked for by the child itself")
    done = measure(Job([Classified(tiny_model(tmp_path / "tiny.onnx"), "all", ONES)]), 20)
    assert done.problem == "refused refused refused refused"


def test_where_nothing_can_be_confined_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "level", lambda: "none")
    assert measure(Job(), 1).problem.startswith("nothing can be confined here: install bubblewrap")
