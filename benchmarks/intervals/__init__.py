"""The halves of benchmarks/interval_coverage.py: latencies of variants, and loads on a server."""
