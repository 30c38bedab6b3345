"""What is right in the optional notebook `7_tokens`: judges over the student's own record."""

from __future__ import annotations

import math
import re

from grading.checks.evidence import Evidence, NotMeasured
from grading.checks.judging import Choices, Judge, Number
from grading.checks.system import TOKENS_ALONE, at_count
from snippets.tokens.lab import AT_ONCE, goodput

ENOUGH = 0.9
"""Share of the requests that must keep both limits."""


def bandwidth(evidence: Evidence) -> Number:
    """Bytes of the file over the time of a further token after 64, in GB/s."""
    each_ms = at_count(evidence, TOKENS_ALONE, "prompt", "each_ms", 64)
    return Number(
        evidence.number("tokens/model", "bytes") / each_ms / 1e6,
        "Divide the file's bytes by the time of a further token.",
    )


def cache(evidence: Evidence) -> Number:
    """Reading 64 tokens anew over the time of a further token after 64."""
    anew = at_count(evidence, "tokens/without-cache", "position", "ms", 64)
    each_ms = at_count(evidence, TOKENS_ALONE, "prompt", "each_ms", 64)
    return Number(anew / each_ms, "Divide the time of reading all 64 anew by that of a further token.")


def idle(evidence: Evidence) -> Number:
    """Share of the first group's time in which places are idle, in %."""
    lengths = evidence.samples("tokens/mixed", "lengths")[:AT_ONCE]
    share = 100 * (1 - lengths.mean() / lengths.max())
    how = "Each place works as long as its own length says and is there as long as the longest of the group."
    return Number(float(share), how, 2.0, absolute=True)


def largest_load(evidence: Evidence) -> Choices:
    """The largest offered load at which enough requests kept both limits; within one request of that, it may be."""
    held, near, shares = [], set(), []
    for name in evidence.named("tokens/offered-", ""):
        share = int(re.sub(r"\D", "", name))
        load = {key: evidence.samples(name, key) for key in ("first_ms", "each_ms")}
        if load["first_ms"].shape != load["each_ms"].shape:
            raise NotMeasured(name, "a time of each kind for each request")
        count = load["first_ms"].size
        kept = round(goodput({**load, "seconds": 1.0})[0] * count)
        needed = math.ceil(ENOUGH * count - 1e-9)
        shares.append(share)
        if kept >= needed:
            held.append(share)
        if needed - 1 <= kept <= needed:
            near.add(share)
    if not shares:
        raise NotMeasured("tokens/offered-40")
    best = max(held, default=0)
    sure = max((share for share in held if share not in near), default=0)
    close = {*(share for share in near if share > sure), *({sure} if best in near else set())}

    def named(share: int) -> str:
        return f"{share} %" if share else "none"

    return Choices(
        frozenset({named(best)}),
        "Look for the largest load of which at least 90 % kept both limits.",
        frozenset(named(share) for share in close) - {named(best)},
    )


JUDGES: dict[str, Judge] = {
    "system.tokens.bandwidth": bandwidth,
    "system.tokens.cache": cache,
    "system.tokens.idle": idle,
    "system.tokens.goodput": largest_load,
}
