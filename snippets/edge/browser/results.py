"""What a browser measured, from the record alone: beside native ONNX Runtime, and whether both see the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from snippets import stats
from snippets.edge.browser.measuring import ABSENT, FACTS, GROUP, VARIANTS
from snippets.edge.browser.page import PHASES
from snippets.errors import RecordError
from snippets.measure.latency import Latency, compare
from snippets.record.read import Record
from snippets.stats import Comparison, Estimate


@dataclass(frozen=True)
class Row:
    """One model in the browser; what needs the native runtime is None where the browser was on another machine.

    `browser`: p50 in ms with `threads`; `one_thread`: with one, where that was measured; `slower`: browser over native,
    round by round; `same`: share of photos on which both give one class; `lost`: accuracy in the browser against
    native, paired.
    `phases_ms`: medians of the cold start by phase.
    """

    variant: str
    threads: int
    browser: Estimate
    one_thread: Estimate | None
    native: Estimate | None
    slower: Comparison | None
    accuracy: Estimate
    same: float | None
    lost: Estimate | None
    photos: int
    phases_ms: dict[str, float]

    @property
    def start_ms(self) -> float:
        """Until the first answer of a first visit, in ms."""
        return sum(self.phases_ms.values())


def absent(record: Record) -> str:
    """Why the record holds nothing of a browser; empty if it does."""
    if FACTS in record.names():
        return ""
    return str(record.result(ABSENT)["reason"]) if ABSENT in record.names() else "nobody has opened the page yet"


def latency(record: Record, where: str, variant: str, threads: int) -> Latency:
    """Latencies of a model in the page (`where`: wasm) or beside it (native). Raises RecordError."""
    name = f"{GROUP}/{where}-{variant}-threads-{threads}/latency"
    if name not in record.names():
        raise RecordError(f"The record holds no {name}. Run notebooks/edge/4_browser, or `servelab browser`.")
    return Latency.of(record.result(name))


def rows(record: Record) -> list[Row]:
    """A row for each model that was measured. Raises RecordError where no browser was."""
    if reason := absent(record):
        raise RecordError(f"The record holds nothing of a browser: {reason}.")
    threads = int(record.result(FACTS)["threads"])
    found = []
    for variant in VARIANTS:
        if f"{GROUP}/wasm-{variant}-threads-{threads}/latency" not in record.names():
            continue
        ours = latency(record, "wasm", variant, threads)
        beside = f"{GROUP}/native-{variant}-threads-{threads}/latency" in record.names()
        theirs = latency(record, "native", variant, threads) if beside else None
        single = f"{GROUP}/wasm-{variant}-threads-1/latency"
        classes = record.result(f"{GROUP}/wasm-{variant}/accuracy")
        native = record.result(f"{GROUP}/native-{variant}/accuracy")["predictions"] if beside else None
        starts = record.result(f"{GROUP}/wasm-{variant}/start")
        found.append(
            Row(
                variant,
                threads,
                ours.p50(),
                latency(record, "wasm", variant, 1).p50() if single in record.names() else None,
                theirs.p50() if theirs else None,
                compare(ours, theirs) if theirs else None,
                stats.accuracy(classes["predictions"], classes["labels"]),
                None if native is None else float(np.mean(classes["predictions"] == native)),
                None if native is None else stats.accuracy_loss(classes["predictions"], native, classes["labels"]),
                len(classes["labels"]),
                {phase: float(np.median(starts[f"{phase}_ms"])) for phase in PHASES},
            )
        )
    return found


def summary(record: Record) -> str:
    """Each model in two to four short lines, for a terminal. Raises RecordError as `rows`."""
    lines = []
    for row in rows(record):
        lines.append(f"{row.variant}, threads: {row.threads}")
        lines.append(f"  in the browser  {stats.show(row.browser)} ms")
        if row.native and row.slower:
            lines.append(f"  natively        {stats.show(row.native)} ms")
            lines.append(f"  times as long   {stats.show(row.slower.ratio)}")
        alike = "" if row.same is None else f", {row.same * row.photos:.0f} as natively"
        lines.append(f"  {100 * row.accuracy.value:.1f} % of {row.photos} photos right{alike}")
    return "\n".join(lines)


def told(record: Record) -> str:
    """The browser and its clock, in words."""
    facts = record.result(FACTS)
    why = "" if facts["isolated"] else " (the page is not cross-origin isolated, so that it gets no shared memory)"
    gpu = "is offered" if facts["webgpu"] else "is not offered"
    return (
        f"{facts['user_agent']}\n"
        f"onnxruntime-web {facts['version']}, {facts['cores']} cores, {facts['threads']} thread(s) for a model{why}; "
        f"its clock tells times {facts['resolution_ms']:g} ms apart; WebGPU {gpu} and was not measured"
    )
