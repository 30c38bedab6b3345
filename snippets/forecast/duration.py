"""How long loads take on the clock, before they are measured: what a model says of them, and what the load generator
does until its windows are full and empty again."""

from __future__ import annotations

from snippets.errors import UsageError
from snippets.forecast.calibration import play
from snippets.load import loops
from snippets.load.windows import WINDOW
from snippets.record.read import Record, Step
from snippets.simulate.calibrated import predicted
from snippets.simulate.events import joined
from snippets.simulate.server import Server
from snippets.triton.lab import WINDOW_S, WINDOWS, Asked, Lab


def closed_window_s(requests_per_s: float, clients: int, seconds: float, warm_up_s: float) -> float:
    """Seconds of one window of a closed loop that gets so many answers a second.

    The warm-up lasts until each client has had an answer, the window until it holds enough of them (see `loops`); then
    every client waits for its last answer.
    """
    answer_s = 1 / requests_per_s
    window_s = max(seconds, min(loops.ENOUGH * answer_s, loops.STRETCHED * seconds), loops.AT_LEAST * answer_s)
    return max(warm_up_s, clients * answer_s) + window_s + clients * answer_s


def open_window_s(seconds: float, warm_up_s: float, drain_s: float) -> float:
    """Seconds of one window of an open loop whose last requests are waited for `drain_s` longer than it lasts."""
    return loops.LEAD_S + warm_up_s + seconds + drain_s


def load_s(server: Server, lab: Lab, asked: Asked) -> float:
    """Seconds that all windows of a load take on this service. Raises UsageError as `calibration.play`."""
    seen, options, count = joined(play(server, lab, asked)), asked.options, WINDOWS[lab.run.profile]
    if options.offered_rps:
        return count * open_window_s(seen.seconds / count, options.warm_up, seen.drain_s / count)
    seconds = options.seconds or lab.seconds
    return count * closed_window_s(predicted(seen).requests_per_s, options.clients, seconds, options.warm_up)


def in_profile(record: Record, profile: str) -> float:
    """Seconds that all steps of a run of part system would take in another profile, on the machine that it was made on.

    What was measured says how many answers a second each load gets: with that its windows are as long as the other
    profile has them. LoadGen's scenarios and calibrations last in proportion, and all else as long as it did. Raises
    UsageError for a run of a profile that the lab does not know, or for such a profile.
    """
    profiles = {str(values.get("profile", "")) for values in record.parameters.values()}
    for name in (*profiles, profile):
        if name not in WINDOW_S:
            raise UsageError(f"profile is {name!r}; the system lab knows {', '.join(WINDOW_S)}.")
    if not profiles:
        return 0.0
    measured_in = profiles.pop()
    return sum(_step_s(step, measured_in, profile) for step in record.steps)


def _step_s(step: Step, measured_in: str, profile: str) -> float:
    longer = WINDOW_S[profile] / WINDOW_S[measured_in]
    if step.name.endswith("/load") and WINDOW in step.inputs and "seconds" in step.inputs:
        before, after = (_window_s(step, times) for times in (1.0, longer))
        # What else it took: to be ready, to connect.
        return max(step.seconds - before, 0.0) + after
    return step.seconds * (longer if step.name.endswith(("/loadgen", "/served")) else 1.0)


def _window_s(step: Step, times: float) -> float:
    """Seconds of a recorded window if it were so many times as long."""
    seconds, found = times * step.inputs["seconds"], step.result
    if "clients" in found:
        rate = max(found["requests_per_s"], 1e-3)
        return closed_window_s(rate, found["clients"], seconds, found["warm_up_s"])
    # A queue that grows does so for as long as the window lasts.
    return open_window_s(seconds, found["warm_up_s"], times * found["drain_s"])
