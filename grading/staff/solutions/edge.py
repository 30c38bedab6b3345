"""Solution of Part 2's coding question."""


def crossover_ms(edge_ms, server_ms):
    """The device's time is the server's and a round trip."""
    return max(edge_ms - server_ms, 0.0)
