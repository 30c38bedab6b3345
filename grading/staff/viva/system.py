"""What to ask of a record of part system."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

import numpy as np

from grading.checks.evidence import Evidence
from grading.checks.system import GRID, SHARES, good_ms, outage, p50, rate
from grading.staff.exemplars import digits
from grading.staff.judges.system import forecast_of, stage_ms
from grading.staff.viva import functions
from grading.staff.viva.oral import APART, Oral, Template, about, first_of, pairs
from snippets import stats
from snippets.serve.stages import STAGES

LOADS = ("endpoint", "triton", "batching")
CLIENTS = re.compile(r"(?P<setting>.+?)-(?P<clients>\d+)/load")
NEIGHBOURS = ("shared", "limited", "own-cores")


def _more_clients(evidence: Evidence) -> Iterator[tuple[str, int, int]]:
    """Settings that were measured with several numbers of clients, and each two of these."""
    counts: dict[str, list[int]] = {}
    for name in evidence.steps:
        found = CLIENTS.fullmatch(name)
        if found and name.startswith(LOADS) and not found["setting"].endswith("-batch"):
            counts.setdefault(found["setting"], []).append(int(found["clients"]))
    for setting, clients in counts.items():
        ordered = sorted(clients)
        yield from ((setting, few, many) for place, few in enumerate(ordered) for many in ordered[place + 1 :])


def _told(step: str) -> str:
    """A load as people say it: `batching/on-8/load` is "batching, on, 8 clients"."""
    found = CLIENTS.fullmatch(step)
    words = [step.removesuffix("/load")] if found is None else [found["setting"], _clients(int(found["clients"]))]
    return ", ".join(words).replace("/", ", ").replace("-", " ")


def _clients(count: int) -> str:
    return f"{count} client{'s' * (count != 1)}"


def _latency(evidence: Evidence, setting: str, few: int, many: int) -> Oral:
    steps = tuple(f"{setting}-{clients}/load" for clients in (few, many))
    before, after = (p50(evidence, step) for step in steps)
    return Oral(
        f"{_told(setting)}: from {few} to {many} clients, by what factor did the median latency grow?",
        f"{about(after / before, 'times')}: from {digits(before)} to {digits(after)} ms.",
        (after / before,),
        (),
        steps,
        "Where did these requests wait?",
    )


def _throughput(evidence: Evidence, setting: str, few: int, many: int) -> Oral:
    steps = tuple(f"{setting}-{clients}/load" for clients in (few, many))
    before, after = (rate(evidence, step) for step in steps)
    return Oral(
        f"{_told(setting)}: how many answers a second with {many} clients, and how many times as many as with {few}?",
        f"{about(after, 'a second')}, {about(after / before, 'times')}.",
        (after, after / before),
        (),
        steps,
        "What was the limit?",
    )


def _endpoints(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((step,) for step in evidence.named("endpoint/", "/load"))


def _stage(evidence: Evidence, step: str) -> Oral | None:
    means = {stage: stage_ms(evidence, step, stage) for stage in STAGES}
    longest = first_of(means)
    if longest is None:
        return None
    return Oral(
        f"{_told(step)}: which stage of a request in the server took longest, and how long on average?",
        f"{longest}, {about(means[longest], 'ms')}. "
        + ", ".join(f"{stage} {digits(ms)}" for stage, ms in means.items()),
        (means[longest],),
        (longest,),
        (step,),
        "What would shorten it?",
    )


def _open_loops(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((step,) for step in evidence.named("generator/open-", "/yours"))


def _omission(evidence: Evidence, step: str) -> Oral:
    due, sending = (evidence.p(step, 95, f"from_{since}_ms") for since in ("due", "sending"))
    share = step.split("/")[1].removeprefix("open-")
    return Oral(
        f"Your open loop at {share} % of what the closed loop got: what was the p95 counted from when a request was "
        "due, and from its sending?",
        f"{about(due, 'ms')} from when it was due, {about(sending, 'ms')} from the sending.",
        (due, sending),
        (),
        (step,),
        "Which of the two does a visitor feel, and what hides the other one?",
    )


def _triton_loads(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((step,) for step in evidence.named("", "/load") if step.startswith(("triton/", "batching/")))


def _queue(evidence: Evidence, step: str) -> Oral | None:
    queue, compute = evidence.number(step, "queue_ms"), evidence.number(step, "compute_ms")
    if compute <= 0 or queue < 0:
        return None
    share = 100 * queue / (queue + compute)
    return Oral(
        f"{_told(step)}: of the time in the server, what share was waiting in the queue?",
        f"{share:.0f} % (within 5 points): queue {digits(queue)} ms, computing {digits(compute)} ms.",
        (share,),
        (),
        (step,),
        "What would more instances do to that share?",
    )


def _batched(evidence: Evidence) -> Iterator[tuple[str]]:
    found = [evidence.named(where, "/load") for where in ("batching/", "batcher/", "online/on-")]
    for step in itertools.chain.from_iterable(found):
        if len(evidence.result(step).get("batches") or {}) > 1:
            yield (step,)


def _mean_batch(evidence: Evidence, step: str) -> Oral:
    counts = {int(size): int(count) for size, count in evidence.field(step, "batches").items()}
    executions = sum(counts.values())
    mean = sum(size * count for size, count in counts.items()) / executions
    return Oral(
        f"{_told(step)}: how large was the mean batch that the server ran?",
        f"{about(mean, 'requests')}: {sum(size * count for size, count in counts.items())} in {executions} executions.",
        (mean,),
        (),
        (step,),
        "Why are they not all of the largest size?",
    )


def _waiting(evidence: Evidence) -> Iterator[tuple[int]]:
    for name in evidence.named("batching/on-waits-10-ms-", "/load"):
        yield (int(name.removesuffix("/load").rpartition("-")[2]),)


def _delay(evidence: Evidence, clients: int) -> Oral:
    steps = tuple(f"batching/{setting}-{clients}/load" for setting in ("on", "on-waits-10-ms"))
    without, waiting = (p50(evidence, step) for step in steps)
    return Oral(
        f"With {_clients(clients)}, what was the median with a queue delay of 10 ms, and without?",
        f"{about(waiting, 'ms')} with, {about(without, 'ms')} without.",
        (waiting, without),
        (),
        steps,
        "When would you allow the delay?",
    )


def _grid(evidence: Evidence) -> Iterator[tuple[str, str]]:
    yield from pairs(label for label, step in GRID.items() if evidence.has(step))


def _instances(evidence: Evidence, a: str, b: str) -> Oral | None:
    rates = {label: rate(evidence, GRID[label]) for label in (a, b)}
    more = max(rates, key=lambda label: rates[label])
    factor = rates[more] / min(rates.values())
    if factor < APART:
        return None
    return Oral(
        f"Which answered more a second on your machine, {a} or {b}, and by what factor?",
        f"{more}, {about(factor, 'times')}: " + ", ".join(f"{name} {digits(value)}" for name, value in rates.items()),
        (factor,),
        (more,),
        (GRID[a], GRID[b]),
        "How many cores had it, and who else used them?",
    )


def _neighbours(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((setting,) for setting in NEIGHBOURS if evidence.has(f"neighbour/{setting}/load"))


def _neighbour(evidence: Evidence, setting: str) -> Oral:
    steps = tuple(f"neighbour/{name}/load" for name in ("alone", setting))
    alone, beside = (stats.percentile(good_ms(evidence, step), 95) for step in steps)
    return Oral(
        f"The light model beside the heavy one, {setting.replace('-', ' ')}: what was its p95, and by what factor more "
        "than alone?",
        f"{about(beside, 'ms')}, {about(beside / alone, 'times')} {digits(alone)} ms.",
        (beside, beside / alone),
        (),
        steps,
        "What did that arrangement cost the heavy one?",
    )


def _shares(evidence: Evidence) -> Iterator[tuple[int]]:
    yield from ((share,) for share in SHARES if evidence.has(f"online/off-{share}/load"))


def _online(evidence: Evidence, share: int) -> Oral:
    steps = ("online/alone/load", f"online/off-{share}/load")
    alone, loaded = (p50(evidence, step) for step in steps)
    return Oral(
        f"At {share} % of the load that one instance can bear, what was the median, and how many times that of a lone "
        "request?",
        f"{about(loaded, 'ms')}, {about(loaded / alone, 'times')} {digits(alone)} ms.",
        (loaded, loaded / alone),
        (),
        steps,
        "What would it be if you measured twice as long?",
    )


def _cold_models(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((step,) for step in evidence.named("online/", "/cold"))


def _cold(evidence: Evidence, step: str) -> Oral:
    load, first = evidence.samples(step, "load_ms"), evidence.samples(step, "first_ms")
    cold, warm = float(np.median(load + first)), evidence.p(step, 50, "warm_ms")
    return Oral(
        f"A request to {step.split('/')[1]} that is not loaded: how long does it take, and how many times a warm one?",
        f"{about(cold, 'ms')}, {about(cold / warm, 'times')} {digits(warm)} ms.",
        (cold, cold / warm),
        (),
        (step,),
        "From how many requests an hour would you keep it warm?",
    )


def _forecasts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    for step in evidence.named("forecast/", "/figures"):
        said, _ = forecast_of(evidence, step)
        yield from ((step, load) for load in said)


def _forecast(evidence: Evidence, step: str, load: str) -> Oral:
    said, _ = forecast_of(evidence, step)
    name = f"{load}/load"
    predicted, found = said[load].p95_ms, stats.percentile(good_ms(evidence, name), 95)
    off = f"{100 * (predicted / found - 1):+.0f} %"
    return Oral(
        f"{_told(name)}: which p95 did the model predict, and which did you measure?",
        f"{about(predicted, 'ms')} predicted, {about(found, 'ms')} measured: off by {off}.",
        (predicted, found),
        (),
        (step, name),
        "What had the model not been told that could make this difference?",
    )


def _outages(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((step,) for step in evidence.named("isolation/", "/outage"))


def _outage(evidence: Evidence, step: str) -> Oral:
    found = outage(evidence, step)
    told = step.split("/")[1].replace("-", " ")
    layout, _, fault = told.rpartition(" ")
    return Oral(
        f"Two models, {layout}, and one: {fault}. For how long was no visitor of the good one answered in time?",
        f"{about(found.outage_ms, 'ms')}; {found.failed} errors and {found.late} late of {found.visitors} visitors.",
        (found.outage_ms,),
        (),
        (step,),
        "What did the others have to wait for?",
    )


def _ways(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((way,) for way in ("ensemble", "scripted") if evidence.has(f"pipeline/{way}/load"))


def _way(evidence: Evidence, way: str) -> Oral:
    steps = (f"pipeline/{way}/load", "pipeline/one-model/load")
    two, one_model = (p50(evidence, step) for step in steps)
    return Oral(
        f"From a photo's file to its class, {way}: what was the median, and how many times that of one model?",
        f"{about(two, 'ms')}, {about(two / one_model, 'times')} {digits(one_model)} ms.",
        (two, two / one_model),
        (),
        steps,
        "What is copied where, and why would one pay for it?",
    )


def _carded(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((team,) for team in ("photos", "sorter") if evidence.has(f"cards/{team}-own/load"))


def _card(evidence: Evidence, team: str) -> Oral:
    steps = (f"cards/{team}-plain/load", f"cards/{team}-own/load")
    plain, own = (p50(evidence, step) for step in steps)
    return Oral(
        f"The team {team}: which median did the plain card give its visitors, and which did yours?",
        f"{about(plain, 'ms')} and {about(own, 'ms')}.",
        (plain, own),
        (),
        steps,
        "Which of your card's numbers did that, and why did the other team not get the same card?",
    )


TEMPLATES: Mapping[str, Template] = {
    each.name: each
    for each in (
        functions.template("system"),
        Template("system.latency", _more_clients, _latency),
        Template("system.throughput", _more_clients, _throughput),
        Template("system.stage", _endpoints, _stage),
        Template("system.queue", _triton_loads, _queue),
        Template("system.omission", _open_loops, _omission),
        Template("system.batch", _batched, _mean_batch),
        Template("system.delay", _waiting, _delay),
        Template("system.instances", _grid, _instances),
        Template("system.neighbour", _neighbours, _neighbour),
        Template("system.online", _shares, _online),
        Template("system.cold", _cold_models, _cold),
        Template("system.forecast", _forecasts, _forecast),
        Template("system.outage", _outages, _outage),
        Template("system.pipeline", _ways, _way),
        Template("system.cards", _carded, _card),
    )
}
