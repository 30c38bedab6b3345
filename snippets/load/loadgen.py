"""MLPerf's LoadGen against a Triton model: Offline (batch), SingleStream and Server (online) scenarios.

Offline hands over every sample at once and counts samples per second; SingleStream sends the next one when the
last is answered; Server draws Poisson arrivals and bounds the 99th percentile. (MLPerf Inference rules; the
`mlcommons-loadgen` package. Its own logs stay in the folder given.)
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from snippets.errors import ServerError, ToolMissing, UsageError
from snippets.load.senders import HttpSender, TritonTarget

SCENARIOS = ("Offline", "SingleStream", "Server")
SECONDS = 3.0
# How many requests tell Offline's rate before the test (the fastest of them), and how far it may turn out faster.
TRIAL_REQUESTS = 8
TRIAL_MARGIN = 1.2


@dataclass(frozen=True)
class Scenario:
    """One of SCENARIOS with its settings.

    seconds: about how long (None: what the caller is used to). batch: rows the client puts into one request (more than
    1 only in Offline: a stream gives one at a time). workers: requests under way at once. offered_rps and target_ms:
    the Server scenario's arrivals and bound on the 99th percentile. expected_per_s: the rate from which Offline sizes
    its single query so that it lasts long enough (None: that of a few requests before the test). Raises UsageError for
    settings that do not go together.
    """

    name: str
    seconds: float | None = None
    batch: int = 1
    workers: int = 1
    offered_rps: float = 0.0
    target_ms: float = 0.0
    expected_per_s: float | None = None

    def __post_init__(self) -> None:
        if self.name not in SCENARIOS:
            raise UsageError(f"`{self.name}` is no scenario of this kit; use {', '.join(SCENARIOS)}.")
        if self.name == "Server" and not (self.offered_rps > 0 and self.target_ms > 0):
            raise UsageError("The Server scenario needs an offered load and a latency bound: offered_rps, target_ms.")
        if self.batch > 1 and self.name != "Offline":
            raise UsageError(f"{self.name} hands over one sample at a time; only Offline can be sent in batches.")

    def key(self) -> dict[str, Any]:
        """Its name and the settings that differ from the defaults: what a recorded step is told apart by."""
        changed = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default}
        return {"scenario": changed.pop("name"), **changed}


@dataclass
class _Sut:
    """The system under test: workers with a connection each take groups of samples from a queue."""

    target: TritonTarget
    batch: int
    lg: Any
    groups: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)
    latency_ms: list[float] = field(default_factory=list)
    errors: Counter = field(default_factory=Counter)
    connected: queue.SimpleQueue = field(default_factory=queue.SimpleQueue)

    def issue(self, samples: Sequence[Any]) -> None:
        """LoadGen hands over samples; groups of `batch` rows go to the workers."""
        now = time.perf_counter()
        for start in range(0, len(samples), self.batch):
            group = [(s.id, s.index) for s in samples[start : start + self.batch]]
            self.groups.put((now, group))

    def work(self) -> None:
        """Make a connection, say so (or why not) in `connected`, and answer groups until None comes."""
        try:
            sender = HttpSender(self.target)
        except Exception as error:  # whatever the client library raises, the test must not begin
            self.connected.put(error)
            return
        self.connected.put(None)
        name, rows = next(iter(self.target.inputs.items()))
        while (item := self.groups.get()) is not None:
            issued, group = item
            try:
                sender.ask({name: rows[[index for _, index in group]]})
            except Exception as error:  # a refused or broken request of whatever kind is a failed request
                self.errors[f"{type(error).__name__}: {error}"[:200]] += len(group)
            else:
                self.latency_ms.extend([(time.perf_counter() - issued) * 1e3] * len(group))
            # Failed samples are reported as done too: LoadGen would wait for them for ever. They are counted.
            self.lg.QuerySamplesComplete([self.lg.QuerySampleResponse(id_, 0, 0) for id_, _ in group])
        sender.close()

    def require_connections(self, workers: int) -> None:
        """Wait until every worker has its connection. Raises ServerError with the reason of one that has none."""
        for _ in range(workers):
            if (error := self.connected.get()) is not None:
                raise ServerError(
                    f"LoadGen has no client for `{self.target.model}` at {self.target.url}: {error} Correct what it"
                    " names, or start the server, and run this step again."
                ) from error


def run(target: TritonTarget, scenario: Scenario, folder: Path) -> dict[str, Any]:
    """One LoadGen performance test; `target.inputs` holds one tensor, its rows are the samples; logs go to `folder`.

    Returns scenario, batch, latency_ms [n] of the answered samples (since each was handed over), samples (answered),
    samples_per_s of them, valid (LoadGen's verdict, and nothing failed), failures, errors, and `loadgen`: LoadGen's own
    results by name. Raises ToolMissing without the package, ServerError when a client cannot be made or every sample
    failed.
    """
    lg = library()
    scenario = sized(target, scenario)
    sut = _Sut(target, scenario.batch, lg)
    threads = [threading.Thread(target=sut.work, daemon=True) for _ in range(scenario.workers)]
    for thread in threads:
        thread.start()
    try:
        sut.require_connections(scenario.workers)
        folder.mkdir(parents=True, exist_ok=True)
        _test(lg, sut, scenario, folder)
    finally:
        for _ in threads:
            sut.groups.put(None)
        for thread in threads:
            thread.join(target.timeout_s)
    return _result(sut, scenario.name, read_log(folder / "mlperf_log_detail.txt"))


def _test(lg: Any, sut: _Sut, scenario: Scenario, folder: Path) -> None:
    """LoadGen's test itself, until its last sample is done."""
    handle = lg.ConstructSUT(sut.issue, lambda: None)
    rows = sut.target.batch
    library = lg.ConstructQSL(rows, rows, lambda indexes: None, lambda indexes: None)
    try:
        lg.StartTestWithLogSettings(handle, library, _settings(lg, scenario), _logs(lg, folder))
    finally:
        lg.DestroyQSL(library)
        lg.DestroySUT(handle)


def sized(target: TritonTarget, scenario: Scenario) -> Scenario:
    """An Offline scenario without a rate, with that of the fastest of a few requests, rounded up by TRIAL_MARGIN; any
    other as it is. Raises ServerError when they are not answered."""
    if scenario.name != "Offline" or scenario.expected_per_s is not None:
        return scenario
    batch = scenario.batch
    few = replace(target, inputs={name: rows[np.arange(batch) % len(rows)] for name, rows in target.inputs.items()})
    try:
        sender = HttpSender(few)
        try:
            stamps = [time.perf_counter()]
            for _ in range(TRIAL_REQUESTS):
                sender()
                stamps.append(time.perf_counter())
            return replace(scenario, expected_per_s=TRIAL_MARGIN * batch / float(np.diff(stamps).min()))
        finally:
            sender.close()
    except Exception as error:  # whatever the client library raises
        raise ServerError(
            f"`{target.model}` at {target.url} did not answer before LoadGen's test: {error} Correct what it names, and"
            " run this step again."
        ) from error


def read_log(path: Path) -> dict[str, Any]:
    """LoadGen's detail log -> its results and effective settings, {key: value}."""
    values = {}
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith(":::MLLOG"):
            entry = json.loads(line.removeprefix(":::MLLOG"))
            if entry["key"].startswith(("result_", "effective_", "early_stopping_")):
                values[entry["key"]] = entry["value"]
    if "result_validity" not in values:
        raise ServerError(f"LoadGen's log {path} holds no result: the test did not come to its end.")
    return values


def _result(sut: _Sut, scenario: str, results: dict[str, Any]) -> dict[str, Any]:
    latency_ms, failures = np.array(sut.latency_ms, dtype=np.float64), sum(sut.errors.values())
    if failures and not len(latency_ms):
        raise ServerError(f"All {failures} LoadGen samples failed: {sut.errors.most_common(1)[0][0]}")
    rate = {
        "Offline": "result_samples_per_second",
        "SingleStream": "result_qps_with_loadgen_overhead",
        "Server": "result_completed_samples_per_sec",
    }[scenario]
    return {
        "scenario": scenario,
        "batch": sut.batch,
        "latency_ms": latency_ms,
        "samples": len(latency_ms),
        # LoadGen counts every sample that is done; those that failed are no answers.
        "samples_per_s": float(results[rate]) * len(latency_ms) / max(1, len(latency_ms) + failures),
        "valid": results["result_validity"] == "VALID" and not failures,
        "failures": failures,
        "errors": dict(sut.errors.most_common(5)),
        "loadgen": {k: v for k, v in results.items() if not k.startswith("effective_")},
    }


def _settings(lg: Any, scenario: Scenario) -> Any:
    seconds = scenario.seconds or SECONDS
    settings = lg.TestSettings()
    settings.scenario = getattr(lg.TestScenario, scenario.name)
    settings.mode = lg.TestMode.PerformanceOnly
    settings.min_duration_ms = int(seconds * 1000)
    settings.max_duration_ms = int(seconds * 4000)
    settings.min_query_count = 1
    if scenario.name == "Offline":
        settings.offline_expected_qps = scenario.expected_per_s or 1.0
    elif scenario.name == "Server":
        settings.server_target_qps = scenario.offered_rps
        settings.server_target_latency_ns = int(scenario.target_ms * 1e6)
        settings.server_target_latency_percentile = 0.99
    return settings


def _logs(lg: Any, folder: Path) -> Any:
    output = lg.LogOutputSettings()
    output.outdir = str(folder)
    output.copy_summary_to_stdout = False
    logs = lg.LogSettings()
    logs.log_output = output
    logs.enable_trace = False
    return logs


def library() -> Any:
    """The module `mlperf_loadgen`. Raises ToolMissing where it is not installed."""
    try:
        import mlperf_loadgen
    except ImportError as error:
        raise ToolMissing(
            "MLPerf LoadGen is not installed. `pip install mlcommons-loadgen` (wheels for Linux x86-64)."
        ) from error
    return mlperf_loadgen
