"""What a node runs in containers: a Dockerfile for each image, compose files, and one file of pins.

    python -m reserve.containers check       # lint, schema, sources, pins; no Docker needed
    python -m reserve.containers write       # bring the Dockerfiles' defaults in line with pins.toml
    python -m reserve.containers env a100    # the variables that compose needs, for `--env-file`

These images have never been built or run by the kit's authors, who had no Docker at hand: the checks are what stands
behind them. Everything in the lab also runs without them (`servelab run`, `triton: embedded`).
"""
