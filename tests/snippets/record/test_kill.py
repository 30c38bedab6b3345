"""A run killed with SIGKILL at any moment resumes: no finished step is lost or repeated, the record stays readable."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from snippets.record.run import load_record

STEPS = 40
# The process kills itself at its KILL_AT-th file operation after the first step that is new to it, wherever that falls:
# in the middle of a step, between its samples and its line, in the middle of that line, between the line and the head,
# or in the replacement of a file. Each step notes its start and its end outside the record, so that the record can be
# held to the truth.
SCRIPT = f"""
import os, signal, sys
import numpy as np
from snippets.record.run import open_run
run = open_run("model", notebook="kill")
np.random.default_rng(0)
log = os.open(os.environ["LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
left = int(os.environ["KILL_AT"])
armed = False
def last_one():
    global left
    left -= armed
    return armed and left == 0
def on_event(event, args):
    if event in ("open", "os.rename", "os.remove") and last_one():
        os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(on_event)
write = os.write
def write_or_die(descriptor, data):
    if len(data) > 100 and last_one():  # a line of steps.jsonl
        write(descriptor, data[:len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(descriptor, data)
os.write = write_or_die
def measure(i):
    global armed
    armed = True
    os.write(log, f"ran {{i}}\\n".encode())
    return {{"samples": np.random.default_rng(i).normal(size=500), "i": i}}
for i in range({STEPS}):
    run.step(f"step/{{i}}", measure, i)
    if i % 5 == 0:
        run.answer(f"q{{i}}", i)
    os.write(log, f"kept {{i}}\\n".encode())
"""


def test_killed_at_many_random_points_nothing_is_lost_or_repeated(tmp_path: Path) -> None:
    log, folder = tmp_path / "log", Path(os.environ["SERVELAB_RUNS"]) / "model" / "mine"
    chance = random.Random(20270320)
    kept: set[int] = set()
    kills = interrupted = 0
    while len(kept) < STEPS and kills < 100:
        ended = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            timeout=120,
            env={**os.environ, "LOG": str(log), "KILL_AT": str(chance.randrange(1, 16))},
        )
        assert ended.returncode in (0, -signal.SIGKILL)
        kills += ended.returncode != 0
        record = load_record(folder)  # readable after every kill
        interrupted += record.interrupted is not None
        promised = {int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("kept")}
        recorded = {record.result(name)["i"] for name in record.names()}
        assert promised <= recorded, "a step that was reported finished is lost"
        assert kept <= recorded
        kept = recorded
    assert kept == set(range(STEPS))
    assert kills >= 10 and interrupted >= 2, "too few kills to test anything"
    assert [answer["value"] for answer in record.answers] == list(range(0, STEPS, 5))
    assert len(record.steps) == STEPS and record.verify() == []
    ran = [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("ran")]
    assert len(ran) - len(set(ran)) <= kills, "only the step under way at a kill may run twice"


def test_the_lock_of_a_killed_process_is_free() -> None:
    script = (
        "import time; from snippets.record.run import open_run; r = open_run('model'); "
        "r.step('a', lambda: print('in', flush=True) or time.sleep(60))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline().strip() == b"in"
        process.kill()
    script = "from snippets.record.run import open_run; open_run('model').step('a', int)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
