"""`python -m tests.chameleon`: start an emulated Chameleon, print its environment, serve until Ctrl-C."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import threading

from .emulator import Emulator
from .faults import TABLE


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chameleon", description=__doc__)
    parser.add_argument("--site", default="CHI@TACC", choices=("CHI@TACC", "CHI@UC", "CHI@Edge"))
    parser.add_argument("--branch", default="chameleon", choices=("chameleon", "upstream"))
    parser.add_argument("--speed", type=float, default=100.0, help="how much faster than Chameleon things happen")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="switch a fault on")
    parser.add_argument("--faults", action="store_true", help="list the faults and stop")
    asked = parser.parse_args()
    if asked.faults:
        for fault in TABLE.values():
            print(f"{fault.name:28} {fault.service:10} {fault.does}")
        return 0
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with Emulator(branch=asked.branch, speed=asked.speed) as emulator:
        for name in asked.fault:
            emulator.faults.on(name)
        for key, value in emulator.env(asked.site).items():
            print(f"export {key}={shlex.quote(value)}")
        print(f"# an emulated Chameleon runs; scratch in {emulator.folder}; Ctrl-C ends it", flush=True)
        over.wait()
        print(f"# still held: {emulator.inventory()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
