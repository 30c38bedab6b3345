"""This machine and its processes: facts, processes that are watched, utilization, memory, the browser."""
