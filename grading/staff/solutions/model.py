"""Solutions of Part 1's coding questions."""

import math


def percentile(samples, percent):
    """Rank (n - 1) * percent / 100 of the sorted samples, between the two nearest."""
    ordered = sorted(samples)
    rank = (len(ordered) - 1) * percent / 100
    below = int(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def block_interval(medians, t, widening):
    """Student's interval of the mean of the logarithms, and back again."""
    logs = [math.log(median) for median in medians]
    n = len(logs)
    mean = sum(logs) / n
    deviation = math.sqrt(sum((log - mean) ** 2 for log in logs) / (n - 1))
    half = t * widening * deviation / math.sqrt(n)
    return [math.exp(mean), math.exp(mean - half), math.exp(mean + half)]


def paired_comparison(a_ms, b_ms, t, margin):
    """The same of the rounds' ratios."""
    logs = [math.log(a / b) for a, b in zip(a_ms, b_ms, strict=True)]
    n = len(logs)
    mean = sum(logs) / n
    deviation = math.sqrt(sum((log - mean) ** 2 for log in logs) / (n - 1))
    half = t * deviation / math.sqrt(n)
    low, high = math.exp(mean - half), math.exp(mean + half)
    if high < 1 - margin:
        verdict = "a"
    elif low > 1 + margin:
        verdict = "b"
    elif low >= 1 - margin and high <= 1 + margin:
        verdict = "same"
    else:
        verdict = "undecided"
    return [math.exp(mean), low, high, verdict]


def break_even(fixed_ms, slow_ms, fast_ms):
    """The cost over what a request saves, rounded up."""
    if fixed_ms <= 0:
        return 0
    if fast_ms >= slow_ms:
        return None
    return math.ceil(fixed_ms / (slow_ms - fast_ms) - 1e-9)


def cost_per_million(images_per_s, per_hour, utilization):
    """Busy seconds, rented seconds, hours, money."""
    busy_s = 1_000_000 / images_per_s
    rented_h = busy_s / utilization / 3600
    return rented_h * per_hour


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


def scale_and_zero_point(low, high):
    """A range that holds 0, in 255 steps."""
    low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        return [1.0, 0]
    scale = (high - low) / 255
    return [scale, round(-low / scale)]


def quantize(values, scale, zero_point, least, most):
    """Round, shift, cut off."""
    return [min(max(round(value / scale) + zero_point, least), most) for value in values]


def int8_matmul(a, b, a_zero, b_zeros):
    """Row by column, each number less its zero point."""
    product = []
    for row in a:
        sums = []
        for j, b_zero in enumerate(b_zeros):
            sums.append(sum((row[k] - a_zero) * (b[k][j] - b_zero) for k in range(len(b))))
        product.append(sums)
    return product


def float_layers(errors, extra_bytes, allowed):
    """Greedy: what spares most error for its bytes goes back to float32 first."""
    in_8_bits = list(range(len(errors)))
    taken = []
    while sum(errors[i] for i in in_8_bits) > allowed:
        best = max(in_8_bits, key=lambda i: errors[i] / extra_bytes[i])
        in_8_bits.remove(best)
        taken.append(best)
    return taken
