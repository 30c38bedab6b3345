"""Copies of runs that no hash finds any more: with noise on every sample, shuffled, shortened, or with scaled times.

The limits were taken from eighteen runs of one machine, measured by six versions of the kit, by themselves and beside
other work: in 34 pairs of these the median rank correlation of eight and more common arrays is at most 0.2, medians
differ by 1.2 % or more, maxima by 0.8 and more of what they differ by from step to step, and at most 0.14 of the steps
lasted equally long within a thousandth.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

MIN_ARRAYS = 8
"""So many arrays of times, or long steps, must be common to two runs that are compared by figures."""
SAME_ORDER, LEAST_ORDER = 0.5, 0.35
"""Median and lower quartile of the rank correlations of common arrays from which on one run is a copy. Two runs of one
machine reach 0.2 and 0; two that both drift slowly 0.5 and 0.1."""
SAME_MEDIAN, SAME_TAIL = 0.01, 0.25
"""Medians within 1 %, and maxima within a quarter of what they differ by from step to step, are a copy's."""
SAME_SECONDS = 1e-3
LAGS = (0, 1, 2, -1, -2)
"""So many first samples may be missing from a copy, or stand before it."""

Table = tuple[np.ndarray, np.ndarray]
"""Rows of submissions that have a profile of one name (their numbers), and these profiles."""


def alike_by_figures(profiles: Sequence[Mapping[str, Sequence[float]]]) -> dict[tuple[int, int], tuple[str, float]]:
    """Which two of the submissions with these profiles (`grading.checks.prints.profiles`) are alike, by their numbers,
    the lower one first: in what, in words, and how much (0 to 1)."""
    tables = _tables(profiles)
    return {
        **_same_durations(tables, len(profiles)),
        **_same_tails(tables, len(profiles)),
        **_same_order(tables, len(profiles)),
    }


def _tables(profiles: Sequence[Mapping[str, Sequence[float]]]) -> dict[str, Table]:
    """By name of an array of times (that begins with False) or of a duration (True)."""
    rows: dict[str, list[tuple[int, Sequence[float]]]] = defaultdict(list)
    for number, named in enumerate(profiles):
        for name, profile in named.items():
            rows[f"{len(profile) == 1} {name} {len(profile)}"].append((number, profile))
    return {
        name: (np.array([number for number, _ in each]), np.array([profile for _, profile in each], dtype=np.float64))
        for name, each in rows.items()
        if len(each) > 1
    }


def _stacked(
    tables: dict[str, Table], count: int, seconds: bool, matrix: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """For every name the `matrix` of its submissions with each other (names, count, count); nan where there is none."""
    chosen = [table for name, table in tables.items() if name.startswith(str(seconds))]
    found = np.full((len(chosen), count, count), np.nan, dtype=np.float32)
    for layer, (numbers, profiles) in zip(found, chosen, strict=True):
        layer[np.ix_(numbers, numbers)] = matrix(profiles)
    return found


def _pairs(where: np.ndarray) -> Iterator[tuple[int, int]]:
    return ((int(i), int(j)) for i, j in zip(*np.nonzero(np.triu(where, 1)), strict=True))


def _median(stack: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median over the names, and how many there are."""
    common = np.isfinite(stack).sum(axis=0)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(stack, axis=0), common


def _same_order(tables: dict[str, Table], count: int) -> dict[tuple[int, int], tuple[str, float]]:
    found: dict[tuple[int, int], tuple[str, float]] = {}
    for lag in LAGS:

        def correlation(profiles: np.ndarray, lag: int = lag) -> np.ndarray:
            ranks = profiles[:, 3:]
            ahead, behind = ranks[:, max(lag, 0) :], ranks[:, max(-lag, 0) :]
            size = min(ahead.shape[1], behind.shape[1])
            both = _unit(ahead[:, :size]) @ _unit(behind[:, :size]).T
            return np.maximum(both, both.T)

        stack = _stacked(tables, count, False, correlation)
        middle, common = _median(stack)
        for i, j in _pairs((common >= MIN_ARRAYS) & (middle >= SAME_ORDER)):
            if np.nanquantile(stack[:, i, j], 0.25) < LEAST_ORDER:
                continue
            strength = float(middle[i, j])
            if strength > found.get((i, j), ("", 0.0))[1]:
                found[i, j] = f"times of {common[i, j]} steps that rise and fall together", strength
    return found


def _unit(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=1, keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)


def _same_tails(tables: dict[str, Table], count: int) -> dict[tuple[int, int], tuple[str, float]]:
    medians = _stacked(tables, count, False, lambda rows: rows[:, None, 0] - rows[None, :, 0])
    tails = _stacked(tables, count, False, lambda rows: _tail(rows)[:, None] - _tail(rows)[None, :])
    own = _stacked(tables, count, False, lambda rows: np.repeat(_tail(rows)[:, None], len(rows), axis=1))
    scale, common = _median(medians)
    middle, _ = _median(np.abs(medians - scale))
    late, _ = _median(np.abs(tails))
    spread, _ = _median(np.abs(own - _median(own)[0]))
    alike = (common >= MIN_ARRAYS) & (middle < SAME_MEDIAN) & (spread > 2 * SAME_MEDIAN) & (late < SAME_TAIL * spread)
    return {
        (i, j): (
            f"times of {common[i, j]} steps that are nearer to each other than two measurements",
            1 - float(late[i, j] / spread[i, j]),
        )
        for i, j in _pairs(alike)
    }


def _tail(rows: np.ndarray) -> np.ndarray:
    """How far each array's maximum lies above its median, as a log."""
    return np.asarray(rows[:, 2] - rows[:, 0])


def _same_durations(tables: dict[str, Table], count: int) -> dict[tuple[int, int], tuple[str, float]]:
    ratios = _stacked(tables, count, True, lambda rows: rows[:, None, 0] - rows[None, :, 0])
    scale, common = _median(ratios)
    with np.errstate(invalid="ignore"):
        share = (np.abs(ratios - scale) < SAME_SECONDS).sum(axis=0) / np.maximum(common, 1)
    return {
        (i, j): (f"{common[i, j]} steps whose durations differ by one factor", float(share[i, j]))
        for i, j in _pairs((common >= MIN_ARRAYS) & (share >= 0.5))
    }
