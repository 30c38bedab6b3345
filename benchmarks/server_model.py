"""Does a model that saw one short measurement predict what a real Triton does in other settings?

    python benchmarks/server_model.py [--rounds 3] [--services similar,food_onnx]

In each round: calibrate a service (some seconds), predict, then measure: one to 32 clients, dynamic batching off, on
and with a delay, one to four instances, and an open loop at 30 to 90 % of what the model holds for the capacity. Prints
the medians of the rounds, predicted and measured, and the errors; ends with status 1 if the median error of all figures
is above 10 %, or one is above 25 %. The load generator runs on the same cores, and so does whatever else this machine
does: a round's calibration and measurements lie close together, but the machine must be quiet.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from snippets.forecast import calibration
from snippets.load import loops, windows
from snippets.load.arrivals import Offered
from snippets.load.options import LoadOptions
from snippets.record.run import open_run
from snippets.simulate.calibrated import Figures, measured, server_of
from snippets.simulate.server import Server
from snippets.triton import loads
from snippets.triton.config import DynamicBatching
from snippets.triton.deployments import ServiceOptions
from snippets.triton.lab import OPEN_LONGER, WINDOWS, Asked, Lab

MEDIAN, WORST = 0.10, 0.25
AGAIN = 8
QUIETNESS: list[float] = []
NAMES = ("requests/s", "p50 ms", "p95 ms")


def settings(lab: Lab, service: str) -> dict[str, Asked]:
    """What the notebooks measure of a service in closed loops, by a name; each deployment has one of its own, so that
    all stay loaded."""

    def deployed(name: str, **options: object) -> object:
        return lab.service(service, ServiceOptions(f"{service}_{name}", **options))  # type: ignore[arg-type]

    off, on = deployed("off"), deployed("on", batching=DynamicBatching())
    asked = {f"off, {n} clients": (off, n) for n in (1, 8, 16)}
    asked |= {f"on, {n} clients": (on, n) for n in (1, 8, 32)}
    asked |= {f"{k} instances, 8 clients": (deployed(f"{k}", instances=k), 8) for k in (2, 4)}
    if service == "similar":
        delay = deployed("delay", batching=DynamicBatching(preferred=(8,), max_delay_us=10_000))
        asked |= {f"delay 10 ms, {n} clients": (delay, n) for n in (1, 8, 32)}
    return {name: Asked(one, LoadOptions(clients=n)) for name, (one, n) in asked.items()}  # type: ignore[arg-type]


def open_loops(lab: Lab, service: str, model: Server) -> dict[str, Asked]:
    """Arrivals at random at a share of one instance's capacity as the model has it."""
    capacity = 1e3 / model.of_rows(1)
    off = lab.service(service, ServiceOptions(f"{service}_off"))
    on = lab.service(service, ServiceOptions(f"{service}_on", batching=DynamicBatching()))
    shares = [("off", off, share) for share in (30, 60, 80, 90)] + [("on", on, 60)]
    return {
        f"{name}, open loop at {share} %": Asked(
            one, LoadOptions(offered_rps=round(capacity * share / 100), seed=share)
        )
        for name, one, share in shares
    }


def load_of(lab: Lab, asked: Asked) -> dict[str, Any]:
    """The windows of one load, as the lab measures them; those in which others took much of the machine anew."""
    lab.deploy(asked.deployment)
    service, options = asked.deployment.config.name, asked.options
    target = loads.target_of(lab.server, service, lab.inputs(service, 1))
    count, ones = WINDOWS[lab.run.profile], []
    for number in range(count):

        def window(work: calibration.Work, number: int = number) -> Mapping[str, Any]:
            if options.clients:
                return loops.closed_loop(target, options.clients, lab.seconds, warm_up_s=options.warm_up, window=work)
            offered = Offered(
                options.offered_rps, OPEN_LONGER * lab.seconds, options.warm_up, options.seed, number, count
            )
            return loops.open_loop(target, offered, window=work)

        ones.append(calibration.undisturbed(lab, window, AGAIN))
    QUIETNESS.extend(one["others"] for one in ones)
    return windows.joined(ones)


def rounds_of(lab: Lab, service: str, rounds: int) -> dict[str, list[tuple[Figures, Figures]]]:
    """Predicted and measured figures, a pair a round."""
    single = lab.service(service, ServiceOptions(f"{service}_on", batching=DynamicBatching()))
    pair = lab.service(service, ServiceOptions(f"{service}_2", instances=2))
    found: dict[str, list[tuple[Figures, Figures]]] = {}
    for _ in range(rounds):
        seen = calibration.measure(lab, single, pair, again=AGAIN)
        model = server_of(seen, lab.run.record().cores())
        print(
            f"{service}, calibrated in {seen['took_s']:.1f} s: S(b) = "
            + ", ".join(f"{rows}: {ms:.2f}" for rows, ms in model.execution_ms.items())
            + f" ms; outside {model.overhead_ms:.2f} ms, of it the client {model.client_ms:.2f}; a"
            f" separate request {model.request_ms:.2f}, a rest {model.rested_ms:.2f} ms; two at once take"
            f" {model.together:.2f} times as long",
            flush=True,
        )
        asked = settings(lab, service) | open_loops(lab, service, model)
        ours = {name: calibration.predict(model, lab, one) for name, one in asked.items()}
        for name, one in asked.items():
            found.setdefault(name, []).append((ours[name], measured(load_of(lab, one))))
    return found


def median(figures: list[Figures]) -> Figures:
    """Figure by figure."""
    return Figures(*(statistics.median(values) for values in zip(*(one.values() for one in figures), strict=True)))


def report(found: Mapping[str, list[tuple[Figures, Figures]]]) -> list[float]:
    """Print predicted, measured and the error of each figure; all errors, without their signs."""
    print(f"\n{'':36}" + "".join(f"{name + ': predicted, measured, error':>34}" for name in NAMES))
    errors = []
    for name, pairs in found.items():
        ours, theirs = (median([pair[side] for pair in pairs]) for side in (0, 1))
        off = ours.error(theirs)
        cells = zip(ours.values(), theirs.values(), off.values(), strict=True)
        print(f"{name:36}" + "".join(f"{a:>14.1f}{b:>10.1f}{e:>+10.0%}" for a, b, e in cells))
        errors += [abs(error) for error in off.values()]
    return errors


def main() -> int:
    """Calibrate, predict, measure, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--services", default="similar,food_onnx")
    given = parser.parse_args()
    errors: list[float] = []
    with tempfile.TemporaryDirectory() as folder, Lab(open_run("system", runs=folder, profile="quick")) as lab:
        for service in given.services.split(","):
            errors += report(rounds_of(lab, service, given.rounds))
            print(flush=True)
    usual, most = statistics.median(QUIETNESS), max(QUIETNESS)
    print(f"others took {usual:.0%} of the cores in the median window, {most:.0%} at most")
    typical, worst = statistics.median(errors), max(errors)
    print(
        f"{len(errors)} figures: median error {typical:.1%} (at most {MEDIAN:.0%}),"
        f" worst {worst:.1%} (at most {WORST:.0%})"
    )
    sys.stdout.flush()
    return int(typical > MEDIAN or worst > WORST)


if __name__ == "__main__":
    raise SystemExit(main())
