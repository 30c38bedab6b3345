"""Sentences about an outcome, written from the samples: true on any machine, for they say what was measured on it."""

from __future__ import annotations

from snippets.stats import Comparison, Estimate, Front, scaled, show


def ranking(a: str, b: str, one: Comparison) -> str:
    """Which of two is faster, with the ratio of their times: "extended / all = 2.18 (2.17 to 2.22): all is faster"."""
    verdict = {"b": f"{b} is faster", "a": f"{a} is faster", "same": "the same"}
    return f"{a} / {b} = {show(one.ratio)} times: {verdict.get(one.verdict, 'not decided by these samples')}"


def gain(what: str, before: Estimate, after: Estimate) -> str:
    """How many times `after` is `before`, and whether their intervals are apart: "batch 1 -> 8: 1.95 times as many"."""
    apart = after.low > before.high or after.high < before.low
    text = f"{what}: {after.value / before.value:.2f} times as many"
    return text if apart else f"{text}, but not decided by these samples"


def gain_in_turn(what: str, one: Comparison) -> str:
    """As `gain`, of two (before, after) whose batches took turns: by the ratios of their times, round by round."""
    text = f"{what}: {one.ratio.value:.2f} times as many"
    return {"same": f"{text}, which is the same", "undecided": f"{text}, but not decided by these samples"}.get(
        one.verdict, text
    )


def on_the_front(front: Front) -> str:
    """Who is on a front, and whom the samples do not decide."""
    text = f"on the front: {', '.join(front.names)}"
    return text + (f"; not decided: {', '.join(front.undecided)}" if front.undecided else "")


def share_of_peak(name: str, rate: Estimate, peak_per_s: float, needed: int) -> str:
    """How near images/s `rate` comes to the limit that `needed` multiplications an image set at `peak_per_s` of them.

    A measured peak is one that was reached: other people's work may have kept it below what the cores can do.
    """
    limit = peak_per_s / needed
    text = (
        f"{peak_per_s / 1e9:.0f} billion multiplications a second, {needed / 1e6:.0f} million for an image: "
        f"{limit:.0f} images/s\n{name}: {show(rate, 0)} images/s, {rate.value / limit:.0%} of that"
    )
    if rate.low > limit:
        return f"{text}: these cores can do more than the matrix product shows, so it was disturbed and is no limit"
    return text


def times(ratio: Estimate, what: str) -> str:
    """A ratio with its interval: "1.95 (1.90 to 2.01) times the answers per second", or that it is not decided."""
    text = f"{show(ratio) if ratio.bounded else f'{ratio.value:.2f}'} times {what}"
    return text if ratio.excludes(1.0) else f"{text} (not decided)"


def came_back(lost: Estimate, share: Estimate, unit: str = "points") -> str:
    """How much of a loss (a fraction of the images) training brought back, or that these images do not decide it."""
    told = f"{show(scaled(lost, 100), 1)} {unit} lost"
    if not share.bounded:
        return f"{told}: these images do not decide whether anything was lost, so no share of it can be told"
    percent = scaled(share, 100)
    return f"{told}, of which {percent.value:.0f} % ({percent.low:.0f} to {percent.high:.0f}) came back"
