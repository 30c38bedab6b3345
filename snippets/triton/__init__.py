"""Triton: its configuration, its process, its counters, and the system lab's measurements on it."""
