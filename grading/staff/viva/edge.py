"""What to ask of a record of part edge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from grading.checks.edge import PHASES, SOAK
from grading.checks.evidence import Evidence, NotMeasured
from grading.staff.exemplars import digits
from grading.staff.viva import functions
from grading.staff.viva.oral import Oral, Template, about, faster, first_of, pairs, tail
from snippets import stats
from snippets.edge.browser.measuring import VARIANTS as IN_PAGE
from snippets.edge.browser.page import PHASES as PAGE_PHASES
from snippets.edge.device import VARIANTS

ROUND_TRIPS_MS = (5, 20, 50, 150)
CROSSING = "cloud/all/crossover"


def _latencies(evidence: Evidence) -> list[str]:
    return [name for name in evidence.named("edge/", "/latency") if "-threads-" in name]


def _variants(evidence: Evidence) -> Iterator[tuple[str]]:
    yield from ((variant,) for variant in VARIANTS)


def _best_threads(evidence: Evidence, variant: str) -> Oral | None:
    medians = {
        step.split("-threads-")[1].split("/")[0]: evidence.p50(step)
        for step in evidence.named(f"edge/{variant}-threads-", "/latency")
    }
    best = first_of(medians, smallest=True)
    if best is None:
        return None
    listed = ", ".join(f"{threads}: {digits(ms)} ms" for threads, ms in medians.items())
    return Oral(
        f"With how many threads was {variant} fastest on your device, and what was its median then?",
        f"With {best}: {about(medians[best], 'ms')}. Threads and medians: {listed}.",
        (medians[best],),
        (best,),
        tuple(evidence.named(f"edge/{variant}-threads-", "/latency")),
        "Why is it not exactly as many times faster as there are threads?",
    )


def _same_threads(evidence: Evidence) -> Iterator[tuple[str, str]]:
    for a, b in pairs(_latencies(evidence)):
        if a.split("-threads-")[1] == b.split("-threads-")[1]:
            yield a, b


def _phases(evidence: Evidence, variant: str) -> dict[str, float]:
    return {phase: evidence.p(f"cold/{variant}/start", 50, f"{phase}_ms") for phase in PHASES}


def _longest_phase(evidence: Evidence, variant: str) -> Oral | None:
    medians = _phases(evidence, variant)
    longest = first_of(medians)
    if longest is None:
        return None
    name = longest.replace("_", " ")
    return Oral(
        f"When {variant} was started cold, which phase took longest, and how long?",
        f"{name}, {about(medians[longest], 'ms')}. "
        + ", ".join(f"{phase.replace('_', ' ')} {digits(ms)}" for phase, ms in medians.items()),
        (medians[longest],),
        (name,),
        (f"cold/{variant}/start",),
        "How would you shorten it for the app?",
    )


def _first_wait(evidence: Evidence, variant: str) -> Oral:
    step = f"cold/{variant}/start"
    wait, steady = sum(_phases(evidence, variant).values()), evidence.p(step, 50, "steady_ms")
    return Oral(
        f"How many steady predictions of {variant} fit into the wait of its first user?",
        f"{about(wait / steady, 'predictions')}: {digits(wait)} ms over {digits(steady)} ms.",
        (wait / steady,),
        (),
        (step,),
        "Who has to wait like this, and how often?",
    )


def _memory(evidence: Evidence, variant: str) -> Oral:
    step = f"cold/{variant}/start"
    memory = np.asarray(evidence.field(step, "rss_mb"), dtype=np.float64)
    if memory.ndim != 2 or memory.shape[1] != len(PHASES):
        raise NotMeasured(step, "rss_mb")
    medians = np.median(memory, axis=0)
    libraries, total = float(medians[PHASES.index("libraries")]), float(medians[-1])
    return Oral(
        f"How much memory did the process of {variant} take after its first answer, and how much of it were the "
        "libraries?",
        f"{about(total, 'MB')}, of it {about(libraries, 'MB')}.",
        (total, libraries),
        (),
        (step,),
        "What takes the rest, and why is it more than the file?",
    )


def _soak(evidence: Evidence) -> Oral:
    samples, started = evidence.samples(SOAK), evidence.samples(SOAK, "started_s")
    seconds = evidence.number(SOAK, "seconds")
    if samples.shape != started.shape or seconds <= 0:
        raise NotMeasured(SOAK, "started_s")
    first, last = samples[started < seconds / 5], samples[started >= 4 * seconds / 5]
    early, late = stats.percentile(first, 50), stats.percentile(last, 50)
    change = 100 * (late / early - 1)
    return Oral(
        "In your soak, what was the median in the first fifth and in the last, and by how many per cent did it change?",
        f"{digits(early)} ms, then {digits(late)} ms: {change:+.1f} % (within 2 points).",
        (early, late, change),
        (),
        (SOAK,),
        "Was that heat? How do you know?",
    )


def _round_trips(evidence: Evidence) -> Iterator[tuple[int]]:
    yield from ((ms,) for ms in ROUND_TRIPS_MS)


def _sooner(evidence: Evidence, round_trip_ms: int) -> Oral | None:
    edge, server = (stats.percentile(evidence.samples(CROSSING, f"{side}_ms"), 50) for side in ("edge", "server"))
    ahead = server + round_trip_ms - edge
    if abs(ahead) < 0.5:
        return None
    who = "device" if ahead > 0 else "server"
    return Oral(
        f"At a round trip of {round_trip_ms} ms, and nothing to send: who answers first, your device or the server, "
        "and how much sooner?",
        f"The {who}, {about(abs(ahead), 'ms')}: device {digits(edge)} ms, server {digits(server)} + {round_trip_ms}.",
        (abs(ahead),),
        (who,),
        (CROSSING,),
        "What changes with the photo's upload?",
    )


def _thousands(evidence: Evidence) -> Iterator[tuple[int]]:
    yield from ((count,) for count in (100, 500, 2000, 10_000))


def _energy(evidence: Evidence, count: int) -> Oral:
    watts = evidence.number("soak/all/power", "power_w")
    hours = count * stats.percentile(evidence.samples(SOAK), 50) / 3.6e6
    return Oral(
        f"How many watt-hours do {count:,} predictions take on your device, by your soak?",
        f"{about(watts * hours, 'Wh')}: {digits(watts)} W for {digits(3600 * hours)} s.",
        (watts * hours,),
        (),
        ("soak/all/power", SOAK),
        "Was the power measured or assumed? What would you measure it with?",
    )


def _in_browser(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Each model in the browser with its native twin, of as many threads."""
    for name in evidence.named("browser/wasm-", "/latency"):
        native = name.replace("/wasm-", "/native-")
        if evidence.has(native):
            yield name, native


def _first_visit(evidence: Evidence, variant: str) -> Oral | None:
    step = f"browser/wasm-{variant}/start"
    medians = {phase.replace("_", " "): evidence.p(step, 50, f"{phase}_ms") for phase in PAGE_PHASES}
    longest, total = first_of(medians), sum(medians.values())
    if longest is None:
        return None
    return Oral(
        f"A first visitor's browser has nothing yet: how long until {variant} answered, and what took longest?",
        f"{about(total, 'ms')}; {longest}, {digits(medians[longest])} ms.",
        (total,),
        (longest,),
        (step,),
        "What of it is spared on a second visit?",
    )


GROUP = "Part 2"
TEMPLATES: Mapping[str, Template] = {
    each.name: each
    for each in (
        functions.template("edge"),
        Template("edge.threads", _variants, _best_threads),
        Template("edge.faster", _same_threads, lambda evidence, a, b: faster(evidence, a, b, GROUP)),
        Template(
            "edge.tail",
            lambda evidence: ((step,) for step in _latencies(evidence)),
            lambda evidence, step: tail(evidence, step, GROUP),
        ),
        Template("edge.phase", _variants, _longest_phase),
        Template("edge.wait", _variants, _first_wait),
        Template("edge.memory", _variants, _memory),
        Template("edge.soak", lambda evidence: [()], _soak),
        Template("edge.sooner", _round_trips, _sooner),
        Template("edge.energy", _thousands, _energy),
        Template("edge.browser", _in_browser, lambda evidence, a, b: faster(evidence, a, b, GROUP)),
        Template("edge.visit", lambda evidence: ((variant,) for variant in IN_PAGE), _first_visit),
    )
}
