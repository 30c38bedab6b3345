"""A call of a student's function in a process of its own, as grading makes it: whatever it does, the notebook goes on.

    own_process.call(text, "percentile", [[3.0, 1.0], 50], limit_s=5.0)      # 2.0, or Failed

A clock within the notebook ends a loop of Python's, but neither a single call that never comes back
(`sum(itertools.count())`) nor a loop that catches all exceptions; and what takes all memory takes the notebook with it.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grading.functions import worlds

CHILD = Path(__file__).with_name("own_child.py")
MEMORY_BYTES = 2 << 30


class Failed(Exception):
    """What a function raised, or that it did not answer; the text says it."""


def call(text: str, name: str, arguments: Sequence[Any], *, limit_s: float, world: str = "") -> Any:
    """What the function `name`, which the Python `text` defines, gives for `arguments` in a world of worlds.WORLDS.

    Arguments and answer are JSON values; what the function prints goes nowhere. Only the standard library is there, as
    in grading. Raises Failed with what it raised, or where it has not answered after `limit_s` seconds.
    """
    limits = {"RLIMIT_CORE": 0, "RLIMIT_CPU": math.ceil(limit_s) + 1}  # should this process end before it
    if sys.platform == "linux":
        limits["RLIMIT_AS"] = MEMORY_BYTES
    asked = {"function": name, "arguments": list(arguments), "world": world}
    request = {"text": text, "worlds": worlds.__file__, "limits": limits, **asked}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-X", "utf8", str(CHILD)],
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"it did not end within {limit_s:g} s") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise Failed("it ended its process") from None
    if "error" in answer:
        raise Failed(answer["error"])
    return answer["value"]
