"""Measuring with models that a student handed in: in a child that can reach nothing, with a limit by the clock.

An ONNX file is data, but what reads it is a large native library. So it is read as student code is run
(grading/functions/sandbox.py): in bubblewrap, or behind Landlock, as another user, without network, with limits.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grading.functions import sandbox
from snippets.parts import KIT

CHILD = Path(__file__).with_name("child.py")
LIMITS = {
    "RLIMIT_AS": 6 << 30,
    "RLIMIT_CPU": 240,
    "RLIMIT_FSIZE": 1 << 20,
    "RLIMIT_NOFILE": 256,
    "RLIMIT_NPROC": 256,
    "RLIMIT_CORE": 0,
}
OUTPUT_BYTES = 20_000_000
NEEDED = ("numpy", "onnxruntime")
ROUNDS, CLEAN = 12, 5
"""Rounds of blocks: so many at most, and no more once so many of each variant were taken while nobody else worked."""
SLACK_S = 8.0
"""Seconds between the child's own end and the time at which it is ended."""


@dataclass(frozen=True)
class Classified:
    """Images to classify: the model's file, the level of optimization, float32 images (N,3,224,224)."""

    model: Path
    level: str
    images: np.ndarray


@dataclass(frozen=True)
class Timed:
    """A variant to time: the model's file, the level of optimization, threads."""

    model: Path
    level: str
    threads: int


@dataclass(frozen=True)
class Job:
    """What one child does; `images`: float32 (N,3,224,224), of which the timed variants get one at a time."""

    outputs: Sequence[Classified] = ()
    timed: Sequence[Timed] = ()
    images: np.ndarray = field(default_factory=lambda: np.zeros((0, 3, 224, 224), dtype=np.float32))


@dataclass(frozen=True)
class Measured:
    """Logits float64 (N,classes) by the place in `outputs`, the rounds of the timed ones (`blocks.take_round`, by the
    place in `timed` as text), and why something is missing (empty: nothing is).
    """

    logits: dict[int, np.ndarray]
    rounds: list[dict[str, Any]]
    problem: str = ""


def measure(job: Job, limit_s: float) -> Measured:
    """Do the job in a confined child within `limit_s` seconds. Never raises for what is in a model."""
    used = sandbox.level()
    if used == "none":
        return Measured({}, [], "nothing can be confined here: install bubblewrap, or use Linux 5.13 or newer")
    if lacking := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        return Measured({}, [], f"{' and '.join(lacking)} is not installed here")
    with _box(job) as box:
        request, command = _command(job, box, used, max(limit_s - SLACK_S, 1.0))
        lines, ended = _run(command, json.dumps(request).encode(), limit_s)
    return _read(lines, ended, job)


@contextlib.contextmanager
def _box(job: Job) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="servelab-rerun-") as name:
        box = Path(name)
        box.chmod(0o755)
        shutil.copyfile(CHILD, box / "child.py")
        shutil.copyfile(sandbox.CHILD, box / "confine.py")
        for model in {*(each.model for each in job.outputs), *(each.model for each in job.timed)}:
            shutil.copyfile(model, box / _inside(model))
        for place, each in enumerate(job.outputs):
            np.save(box / f"images-{place}.npy", each.images)
        np.save(box / "timed.npy", job.images)
        for path in box.iterdir():
            path.chmod(0o444)
        yield box


def _inside(model: Path) -> str:
    """The name of a model's file in the box."""
    return f"{abs(hash(str(model))):x}.onnx"


def _command(job: Job, box: Path, used: str, seconds: float) -> tuple[dict[str, Any], list[str]]:
    """The child's request and command line."""
    specs = [importlib.util.find_spec(name) for name in NEEDED]
    sites = sorted({str(Path(str(spec.origin)).parents[1]) for spec in specs if spec})
    request: dict[str, Any] = {
        "uid": sandbox.STRANGER + os.getpid() % 4096 if os.geteuid() == 0 else 0,
        "limits": LIMITS,
        "seconds": seconds,
        "rounds": ROUNDS,
        "clean": CLEAN,
        "outputs": [
            {"model": _inside(each.model), "level": each.level, "images": f"images-{place}.npy"}
            for place, each in enumerate(job.outputs)
        ],
        "timed": [{"model": _inside(each.model), "level": each.level, "threads": each.threads} for each in job.timed],
    }
    flags = ["-I", "-S", "-B", "-X", "utf8"]
    if used == "bubblewrap":
        binds = [(str(box), "/box"), (str(KIT / "snippets"), "/snippets")]
        binds += [(site, f"/site{place}") for place, site in enumerate(sites)]
        paths = ["/", *(f"/site{place}" for place in range(len(sites)))]
        told = {"box": "/box", "paths": paths, "readable": None}
        return {**request, **told}, sandbox.bubblewrap([*flags, "/box/child.py"], binds)
    system = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/proc", "/sys/devices/system/cpu"]
    readable = [str(box), str(KIT / "snippets"), *sites, str(sandbox.interpreter()[1]), *system]
    told = {"box": str(box), "paths": [str(KIT), *sites], "readable": readable}
    return {**request, **told}, [sandbox.reachable(), *flags, str(box / "child.py")]


def _run(command: Sequence[str], message: bytes, limit_s: float) -> tuple[list[bytes], str]:
    """The child's lines, and why it was ended early (empty: it was not)."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        start_new_session=True,
    )
    assert process.stdin and process.stdout
    deadline, received, ended = time.monotonic() + limit_s, bytearray(), ""
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(message)
            process.stdin.close()
        poll = select.poll()
        poll.register(process.stdout, select.POLLIN)
        while True:
            if not poll.poll(max(deadline - time.monotonic(), 0) * 1000):
                ended = f"it was ended after {limit_s:.0f} s"
                break
            chunk = os.read(process.stdout.fileno(), 1 << 16)
            if not chunk:
                break
            received += chunk
            if len(received) > OUTPUT_BYTES:
                ended = "it was ended: it wrote too much"
                break
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
    return bytes(received).split(b"\n"), ended


def _read(lines: Sequence[bytes], ended: str, job: Job) -> Measured:
    """What the lines say, as far as they are of the agreed form: a model that breaks out can write anything."""
    logits: dict[int, np.ndarray] = {}
    rounds: list[dict[str, Any]] = []
    problems = [ended] if ended else []
    for line in lines:
        with contextlib.suppress(ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError):
            told = json.loads(line)
            if "error" in told:
                problems.append(str(told["error"])[:200])
            elif "logits" in told:
                found = np.asarray(told["logits"], dtype=np.float64)
                if found.ndim == 2 and len(found) == len(job.outputs[told["output"]].images):
                    logits.setdefault(int(told["output"]), found)
            elif "round" in told and (one := _round(told["round"], len(job.timed))):
                rounds.append(one)
    if not logits and not rounds and not problems:
        problems.append("the measuring process ended without a result")
    return Measured(logits, rounds, "; ".join(dict.fromkeys(problems)))


def _round(told: dict[str, Any], count: int) -> dict[str, Any] | None:
    """A round as `snippets.measure.latency.assemble` reads it; None for another form."""
    blocks = {str(name): np.asarray(times, dtype=np.float64) for name, times in told["blocks_ms"].items()}
    good = all(
        each.ndim == 1 and each.size and (each > 0).all() and np.isfinite(each).all() for each in blocks.values()
    )
    if not good or not set(blocks) <= {str(place) for place in range(count)}:
        return None
    repeated = {name: int(told["repeated"].get(name, 0)) for name in blocks}
    slow = [str(name) for name in told["slow"]]
    return {"round": int(told["round"]), "blocks_ms": blocks, "repeated": repeated, "slow": slow}
