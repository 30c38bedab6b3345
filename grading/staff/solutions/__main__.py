"""`python -m grading.staff.solutions PART FOLDER`: the solutions of a part's coding questions, for staff."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from grading.staff.solutions.write import write_solutions
from snippets.errors import KitError
from snippets.parts import PARTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m grading.staff.solutions", description=__doc__)
    parser.add_argument("part", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("folder", metavar="FOLDER", type=Path, help="where to write functions.py and the notebooks")
    options = parser.parse_args(arguments)
    try:
        for path in write_solutions(options.part, options.folder):
            print(f"wrote {path}")
    except KitError as error:
        print(f"solutions: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
