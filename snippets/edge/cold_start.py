"""What the first user waits for: a fresh process is started, loads a model and answers, again and again.

The child process runs this module's `main` with nothing loaded before it, and stamps each phase with the system-wide
monotonic clock, which parent and child share.
"""

from __future__ import annotations

import time

STARTED_NS = time.perf_counter_ns()

import json  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from snippets.machine.memory import resident_mb  # noqa: E402

PHASES = ("process", "libraries", "model", "first_inference")
STEADY_CALLS = 30
LIMIT_S = 120.0


def cold_starts(model: Path | str, *, threads: int, repeats: int = 5, limit_s: float = 0.0) -> dict[str, Any]:
    """Start a process `repeats` times that loads `model` and answers; where does the time to the first answer go?

    Returns float64 (repeats,) arrays: `process_ms` (until Python runs our first line), `libraries_ms` (importing numpy
    and onnxruntime), `model_ms` (reading the file and building the session), `first_inference_ms`; `steady_ms`, the
    median of the calls that follow; `answered_ms`, when the parent saw the first answer; and `rss_mb` (repeats,4),
    resident memory after each phase in MB.
    Raises ModelError if the model cannot be loaded, RunTimeout for a start that takes longer
    than `limit_s` (0: LIMIT_S).
    """
    import numpy as np

    rows = [_one_start(model, threads, limit_s or LIMIT_S) for _ in range(repeats)]
    stamps = np.array([[row["began"], *row["stamps"]] for row in rows], dtype=np.float64)
    phases = np.diff(stamps, axis=1) / 1e6
    return {
        **{f"{name}_ms": phases[:, index] for index, name in enumerate(PHASES)},
        "steady_ms": np.array([row["steady_ms"] for row in rows]),
        "answered_ms": np.array([(row["answered"] - row["began"]) / 1e6 for row in rows]),
        "rss_mb": np.array([row["rss_mb"] for row in rows], dtype=np.float64),
        "threads": threads,
    }


def _one_start(model: Path | str, threads: int, limit_s: float) -> dict[str, Any]:
    """What one child reported, and when it began and answered by the parent's clock (ns)."""
    from snippets.errors import ModelError, RunTimeout
    from snippets.parts import KIT

    began = time.perf_counter_ns()
    child = subprocess.Popen(
        [sys.executable, "-m", "snippets.edge.cold_start", str(model), str(threads)],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=KIT,
    )
    assert child.stdout is not None
    # A killed child closes its pipe, so no read below waits longer than this.
    watchdog = threading.Timer(limit_s, child.kill)
    watchdog.start()
    try:
        child.stdout.readline()
        answered = time.perf_counter_ns()
        rest, errors = child.communicate()
    finally:
        late = not watchdog.is_alive()
        watchdog.cancel()
        child.kill()
        child.wait()
    if late:
        raise RunTimeout(f"a process that loads {model} was not done after {limit_s:.0f} s.")
    if child.returncode:
        reason = (errors.strip().splitlines() or ["no reason given"])[-1]
        raise ModelError(f"{model} could not be loaded in a fresh process ({reason}). Is it a whole ONNX file?")
    return {**json.loads(rest), "began": began, "answered": answered}


def main(model: str, threads: int) -> None:
    """The child: load, answer once, say so; answer on, and report the stamps (ns) and memory (MB) as JSON."""
    stamps, memory = [STARTED_NS], [resident_mb()]

    def mark() -> None:
        stamps.append(time.perf_counter_ns())
        memory.append(resident_mb())

    import numpy as np
    import onnxruntime

    mark()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    tensor = session.get_inputs()[0]
    image = np.zeros((1, *tensor.shape[1:]), dtype=np.float32)
    mark()
    session.run(None, {tensor.name: image})
    mark()
    print("answered", flush=True)
    times = []
    for _ in range(STEADY_CALLS):
        began = time.perf_counter_ns()
        session.run(None, {tensor.name: image})
        times.append((time.perf_counter_ns() - began) / 1e6)
    print(json.dumps({"stamps": stamps, "rss_mb": memory, "steady_ms": float(np.median(times))}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
