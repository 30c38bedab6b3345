"""A run that is worked out on paper, with a student's answers and a machine's paths in it, and hardware to lease."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from snippets.parts import NOTEBOOKS
from snippets.record.run import Run, open_run

ANSWER = "zebras gallop over the accumulators"
PREDICTED = [471.25, 4712.5]
CODE = "XK42-CHALLENGE-7781"
MS = np.arange(1.0, 101.0)
"""1 to 100 ms, so that the percentile p is p ms."""
LOOKED = "1-baseline-were-you-right-2"
PRINTED = {
    "1-baseline-one-image-at-a-time-4": "weights from /home/zz9876/models/mine.pth: 100 calls",
    "1-baseline-compiling-3": "compiled in /tmp/torchinductor_zz9876/abc/kernel.so\n",
    LOOKED: f"your prediction {PREDICTED} held",
}


@dataclass(frozen=True)
class Machine:
    """Hardware as the site asks for it."""

    part: str = "model"
    site: str = "CHI@Nowhere"
    type_name: str = "gpu_paper"
    about: str = "a GPU on paper"
    block_hours: int = 3
    end_margin_minutes: int = 30
    boot_minutes: int = 20
    offered: bool = True


def png(width: int = 40, height: int = 30, colour: str = "orange") -> bytes:
    """A picture of one colour."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def measured(runs: Path, run_id: str = "quick") -> Path:
    """A run of part model: two latencies, a figure, answers, and the notebook 1_baseline with outputs."""
    secret = {"profile": "quick", "challenge": CODE, "weights": str(runs / "private" / "mine.pth")}
    run = open_run("model", notebook="1_baseline", run_id=run_id, runs=runs, parameters=secret)
    for variant, factor in (("eager", 1.0), ("compiled", 0.5)):
        run.step(f"baseline/{variant}/latency", lambda factor=factor: {"latency_ms": MS[::-1] * factor, "batch": 1})
    _figure(run, "baseline-latency")
    _figure(run, "baseline-of-no-cell")
    run.answer("model.baseline.eager", PREDICTED)
    run.answer("model.baseline.batching", ANSWER)
    notebook = json.loads((NOTEBOOKS / "model" / "1_baseline.ipynb").read_text())
    for cell in notebook["cells"]:
        _executed(cell, run.folder)
    (run.folder / "notebooks").mkdir(exist_ok=True)
    (run.folder / "notebooks" / "1_baseline.ipynb").write_text(json.dumps(notebook))
    return run.folder


def _executed(cell: dict[str, Any], folder: Path) -> None:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        cell["source"] = f"{source}\n\nMy notes: {ANSWER}"
        return
    if source.startswith("ask("):
        cell["source"] = source.replace("...", repr(ANSWER))
        cell["outputs"] = [{"output_type": "display_data", "data": {"text/markdown": f"Recorded: {ANSWER}"}}]
    elif cell["id"] in PRINTED:
        text = PRINTED[cell["id"]] + f" in {folder}, code {CODE}"
        cell["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": [text, "\x1b[31m<b>&\n"]},
            {"output_type": "stream", "name": "stderr", "text": "a warning of the library"},
        ]
    elif cell["id"] == "1-baseline-the-food-2":  # the student's own code in a cell of the kit's
        cell["source"] = f"print({ANSWER!r})"
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ANSWER}]
    elif 'run.figure("baseline-latency"' in source:
        encoded = base64.b64encode(png(41)).decode()
        cell["outputs"] = [{"output_type": "display_data", "data": {"image/png": encoded, "text/plain": "<Image>"}}]


def _figure(run: Run, name: str) -> None:
    from matplotlib.figure import Figure

    run.figure(name, Figure(figsize=(1, 1)), dpi=50)


def loaded(runs: Path) -> Path:
    """A run of part system: one service at 1 and 8 clients and another at 8, and at two rates, each in five windows."""
    run = open_run("system", notebook="3_batching", run_id="quick", runs=runs, parameters={"profile": "quick"})
    for service, clients, ms in (("off", 1, 10.0), ("off", 8, 40.0), ("on", 8, 20.0)):
        for window in range(5):
            run.step(f"batching/{service}-{clients}/load", _window, ms, {"clients": clients}, inputs={"window": window})
    for rate in (20.0, 50.0):
        run.step(f"batching/rate-{rate:g}/load", _window, 5.0, {"offered_rps": rate + 1, "asked_rps": rate}, inputs={})
    run.step("batching/broken-8/load", _window, 5.0, {"clients": 8, "ok": np.zeros(40, dtype=bool)}, inputs={})
    return run.folder


def _window(ms: float, more: dict[str, Any]) -> dict[str, Any]:
    ok = np.ones(40, dtype=bool)
    ok[0] = False
    return {"latency_ms": np.full(40, ms), "ok": ok, "seconds": 0.5, **more}
