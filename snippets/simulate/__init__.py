"""A queueing model of a server: what it takes for a batch, how requests come, and an event loop that plays both.

It imports nothing that measures: numbers go in, predictions come out.
"""
