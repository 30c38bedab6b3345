"""`python -m reserve.containers check | write`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from reserve.containers import check, pins
from snippets.errors import KitError


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 1 if the check finds problems."""
    parser = argparse.ArgumentParser(prog="python -m reserve.containers", description="Pins and checks.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    checking = verbs.add_parser("check", help="Dockerfiles against pins.toml, without Docker")
    checking.add_argument("--resolve", action="store_true", help="also ask the package index whether the pins resolve")
    verbs.add_parser("write", help="bring the Dockerfiles' defaults in line with pins.toml")
    options = parser.parse_args(arguments)
    try:
        held = pins.load()
        if options.verb == "write":
            print("\n".join(f"wrote {path}" for path in check.write(held)) or "all in line already")
            return 0
        found = check.problems(held)
        if options.resolve:
            found += [problem for problem in check.resolutions(held).values() if problem]
    except KitError as error:
        print(f"containers: {error}", file=sys.stderr)
        return error.exit_code
    print("\n".join(found) or "all in line; the image itself was not built")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
