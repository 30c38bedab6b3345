"""Solutions of Part 1's coding questions."""

import math


def percentile(samples, percent):
    """Rank (n - 1) * percent / 100 of the sorted samples, between the two nearest."""
    ordered = sorted(samples)
    rank = (len(ordered) - 1) * percent / 100
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def break_even(fixed_ms, slow_ms, fast_ms):
    """The cost over what a request saves, rounded up."""
    if fixed_ms <= 0:
        return 0
    if fast_ms >= slow_ms:
        return None
    return math.ceil(fixed_ms / (slow_ms - fast_ms) - 1e-9)


def multiply_by_rows(a, b, c):
    """The innermost loop runs along a row of b and a row of c."""
    for i in range(len(a)):
        for k in range(len(b)):
            for j in range(len(b[0])):
                c[i][j] += a[i][k] * b[k][j]
    return c


def multiply_in_tiles(a, b, c, size):
    """By rows, within one tile of b after the other."""
    for above in range(0, len(b), size):
        for left in range(0, len(b[0]), size):
            for i in range(len(a)):
                for k in range(above, min(above + size, len(b))):
                    for j in range(left, min(left + size, len(b[0]))):
                        c[i][j] += a[i][k] * b[k][j]
    return c
