"""Whether this Python has what a part needs. It runs on the node: `python -m reserve.node.usable MODULES PINS`.

MODULES is a JSON list of modules that must be importable, PINS a JSON object of exact versions by package, in which
`python` is the least version of Python itself. The standard library is enough, and an old Python too.
"""

from __future__ import annotations

import json
import sys
from importlib import metadata, util

LEAST_PYTHON = "3.11"


def has_version(package: str, version: str) -> bool:
    """Whether the package is installed in that version; a local part such as `+cu126` does not count."""
    try:
        return metadata.version(package).split("+")[0] == version
    except metadata.PackageNotFoundError:
        return False


def lacking(modules: list[str], pins: dict[str, str], python: tuple[int, ...] = sys.version_info[:2]) -> list[str]:
    """The modules that are not there and the packages that are not in their pinned version."""
    missing = [name for name in modules if util.find_spec(name) is None]
    least = pins.get("python", LEAST_PYTHON)
    if python < tuple(int(number) for number in least.split(".")):
        missing.append("python")
    return missing + [name for name, version in pins.items() if name != "python" and not has_version(name, version)]


if __name__ == "__main__":
    found = lacking(json.loads(sys.argv[1]), json.loads(sys.argv[2]))
    sys.exit("lacks " + ", ".join(found) if found else 0)
