"""A student's batcher in a running endpoint, under load: settings take turns, and the kit's goes on where it fails."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from snippets import stats
from snippets.load.log import require_answers
from snippets.load.loops import Window, closed_loop
from snippets.load.options import CLOSED_WARM_UP_S
from snippets.load.own_generator import Own
from snippets.load.senders import WebTarget
from snippets.load.windows import WINDOW, take_turns
from snippets.machine.process import Server, StartOptions, http_ready, start_server
from snippets.parts import KIT
from snippets.record.run import Run

WRITTEN = "batcher/written"
EMBEDDING = 1280


@dataclass(frozen=True)
class Asked:
    """One load: a maximum batch and delay, and how many clients ask in a closed loop."""

    max_batch: int
    max_delay_ms: float
    clients: int


class BatcherLab:
    """The batching endpoint of one run, started when something is measured. `model`: the search's ONNX file; `own`: the
    student's batcher, or None. Call `close` at the end. Raises what `start_server` raises."""

    def __init__(self, run: Run, model: Path, own: Own | None) -> None:
        self.run, self.model, self._own = run, model, own
        self._server: Server | None = None

    def close(self) -> None:
        """Stop the endpoint, if it was needed."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    @property
    def server(self) -> Server:
        """The running endpoint, started now if it is not."""
        if self._server is None:
            functions = self.run.folder / "functions.py"
            self._server = start_server(
                "batching",
                lambda port: [
                    *(sys.executable, "-m", "snippets.serve.batching.app", "--port", str(port)),
                    *("--model", str(self.model), "--functions", str(functions)),
                ],
                http_ready("/ready"),
                StartOptions(timeout_s=60, log=self.run.folder / "logs" / "batching.log", cwd=KIT),
            )
        self._server.require_alive()
        return self._server

    @cached_property
    def source(self) -> str:
        """The text of the student's batcher, empty for none; a replay takes the recorded one. Step WRITTEN."""
        if self.run.mode == "replay":
            return str(self.run.record().result(WRITTEN)["source"])
        source = self._own.source if self._own else ""
        return str(self.run.step(WRITTEN, lambda: {"source": source}, inputs={"source": source})["source"])

    def loads(self, asked: Mapping[str, Asked], seconds: float, windows: int) -> dict[str, dict[str, Any]]:
        """Settings under load in turn, a window each, by name, joined (`take_turns`): steps batcher/<name>/load.

        Fields are those of a closed loop and of Triton's statistics (queue_ms, compute_ms, batches ...), `by` whose
        batcher worked, and `why` not the student's.
        """

        def window(name: str, number: int) -> dict[str, Any]:
            return self._window(name, asked[name], {"seconds": seconds, WINDOW: number})

        return take_turns(tuple(asked), windows, window)

    def whose(self, loads: Mapping[str, Mapping[str, Any]]) -> str:
        """In words: whose batcher worked in these loads, and why not the student's."""
        why = next((part["why"] for load in loads.values() for part in load.get("windows", [load]) if part["why"]), "")
        if why:
            return f"the kit's batcher in the place of yours: {why}"
        if all(load["by"] == "you" for load in loads.values()):
            return "your batcher"
        return "the kit's batcher, as none is written"

    def _window(self, name: str, asked: Asked, more: Mapping[str, Any]) -> dict[str, Any]:
        settings = {"max_batch": asked.max_batch, "max_delay_ms": asked.max_delay_ms}

        def measure() -> dict[str, Any]:
            why = ""
            if self.source:
                result = self._load(settings, True, asked.clients, more["seconds"])
                if not (why := result["why"]):
                    return result
            return {**self._load(settings, False, asked.clients, more["seconds"]), "why": why}

        inputs = {"model": self.model.name, "source": self.source, "clients": asked.clients, **settings, **more}
        return self.run.step(f"batcher/{name}/load", measure, inputs=inputs)

    def _load(self, settings: Mapping[str, float], own: bool, clients: int, seconds: float) -> dict[str, Any]:
        import httpx

        server = self.server
        with httpx.Client(base_url=server.url, timeout=60, trust_env=False) as client:
            client.put("/batcher", json={"own": own, **settings}).raise_for_status()
            counters = _Counters(client)
            query = np.random.default_rng(1).standard_normal(EMBEDDING, dtype=np.float32).tobytes()
            target = WebTarget(f"{server.url}/nearest", content=query)
            result = closed_loop(target, clients, seconds, warm_up_s=CLOSED_WARM_UP_S, window=counters)
            told = client.get("/batcher").raise_for_status().json()
        server.require_alive()
        require_answers(result, server.url)
        facts = counters.facts()
        good = stats.good_ms(result)
        facts["client_ms"] = float(good.mean() - facts["server_ms"]) if good.size else 0.0
        return {**result, **facts, "by": told["by"], "why": told["why"]}


class _Counters(Window):
    """What the endpoint counted between both borders of the window."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._borders: list[dict[str, Any]] = []

    def opened(self) -> None:
        self._borders.append(self._client.get("/batcher").json())

    def closed(self) -> None:
        self._borders.append(self._client.get("/batcher").json())

    def facts(self) -> dict[str, Any]:
        """The difference, in the words of Triton's statistics; times are means over requests."""
        before, after = self._borders
        batches = {size: count - before["batches"].get(size, 0) for size, count in after["batches"].items()}
        batches = {size: count for size, count in batches.items() if count > 0}
        rows, runs = sum(int(size) * count for size, count in batches.items()), sum(batches.values())
        means = {part: (after[part] - before[part]) / rows if rows else 0.0 for part in ("queue_ms", "compute_ms")}
        return {
            "server_requests": rows,
            "inferences": rows,
            "executions": runs,
            "mean_batch": rows / runs if runs else 0.0,
            **means,
            "server_ms": sum(means.values()),
            "batches": batches,
        }
