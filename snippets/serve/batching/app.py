"""The search for similar photos as a FastAPI endpoint that batches.

    python -m snippets.serve.batching.app --model similar.onnx [--functions functions.py] --port 8000

POST /nearest takes 1,280 float32 numbers (5,120 bytes) and answers the five nearest photos; PUT /batcher sets whose
batcher works, its maximum batch and delay; GET /batcher tells what it did since.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, Field

from snippets.errors import KitError, first_line
from snippets.machine.process import require_free
from snippets.serve.batching.batched import Batched, Batcher

EMBEDDING = 1280
Compute = Callable[[np.ndarray], np.ndarray]


class Setting(BaseModel):
    """Whose batcher works, and how."""

    own: bool = False
    max_batch: int = Field(ge=1, le=64)
    max_delay_ms: float = Field(ge=0, le=1000)


def create_app(compute: Compute, own: Callable[[], Batcher]) -> FastAPI:
    """The endpoint. `compute`: rows (N,1280) to answers (N,k); `own` gives the student's batcher, or raises."""
    app = FastAPI(title="GourmetGram: photos like yours")
    batched = Batched(compute)

    @app.get("/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/nearest")
    async def nearest(request: Request) -> dict[str, list[int]]:
        row = np.frombuffer(await request.body(), dtype=np.uint8)
        if row.size != 4 * EMBEDDING:
            raise HTTPException(422, f"Send {EMBEDDING} float32 numbers, {4 * EMBEDDING} bytes, not {row.size} bytes.")
        return {"nearest": (await batched.ask(row.view(np.float32))).tolist()}

    @app.put("/batcher")
    async def use(setting: Setting) -> dict[str, str]:
        written, why = None, ""
        if setting.own:
            try:
                written = own()
            except Exception as error:  # whatever the student's file does
                why = f"it cannot be taken: {type(error).__name__}: {first_line(error)}"
        batched.use(written, setting.max_batch, setting.max_delay_ms / 1e3)
        batched.why = batched.why or why
        return {"by": batched.by, "why": batched.why}

    @app.get("/batcher")
    async def told() -> dict[str, Any]:
        counts = batched.counts
        return {
            "by": batched.by,
            "why": batched.why,
            "queue_ms": counts.queue_ms,
            "compute_ms": counts.compute_ms,
            "batches": {str(size): number for size, number in sorted(counts.batches.items())},
        }

    return app


def written_batcher(file: Path) -> Batcher:
    """The `batcher` of a functions.py: only its imports and definitions are executed. Raises what they raise."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    kept = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef
    space: dict[str, Any] = {"__name__": "functions"}
    exec(compile(ast.Module([node for node in tree.body if isinstance(node, kept)], []), str(file), "exec"), space)
    return space["batcher"]


def search(model: str) -> Compute:
    """The search for the nearest photos in ONNX Runtime, on one thread, after one cold request."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def compute(rows: np.ndarray) -> np.ndarray:
        return session.run(["nearest"], {"embedding": rows})[0]

    compute(np.zeros((1, EMBEDDING), dtype=np.float32))
    return compute


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the endpoint until it is told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m snippets.serve.batching.app", description="Serve in batches.")
    parser.add_argument("--model", required=True, help="the ONNX file of the search")
    parser.add_argument("--functions", type=Path, default=Path("functions.py"), help="the file with a `batcher`")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    try:
        require_free(options.port, options.host)
    except KitError as error:
        print(f"batching: {error}", file=sys.stderr)
        return error.exit_code
    import uvicorn

    app = create_app(search(options.model), lambda: written_batcher(options.functions))
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", timeout_graceful_shutdown=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
