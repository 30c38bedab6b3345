"""What a node runs in a container, where `images` of hardware.toml names it: a Dockerfile, and one file of pins.

    python -m reserve.containers check       # the Dockerfile against the pins; `make lint` asks hadolint
    python -m reserve.containers write       # bring the Dockerfile's defaults in line with pins.toml

The image has never been built or run by the kit's authors, who had no Docker at hand: the checks are what stands
behind it. Everything in the lab also runs without it (`servelab run`, `triton: embedded`).
"""
