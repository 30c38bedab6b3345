"""Measuring time: single calls, blocks of calls taken in turn, and what their samples say."""
