"""Solutions of Part 3's coding questions."""


def micro_batches(arrivals_ms, max_batch, max_delay_ms):
    """A batch is open until it is full or its first request has waited too long."""
    sizes = []
    opened = None
    for arrival in arrivals_ms:
        if sizes and sizes[-1] < max_batch and arrival <= opened + max_delay_ms:
            sizes[-1] += 1
        else:
            sizes.append(1)
            opened = arrival
    return sizes
