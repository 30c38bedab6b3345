"""A command as a person at a terminal sees it: run on a pseudo terminal of so many columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def at_terminal(words: Sequence[str], columns: int = 60, environment: Mapping[str, str] | None = None) -> str:
    """All that the command writes to a terminal of `columns`, its escapes and all, lines ending in \\n."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    around = {name: text for name, text in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    around |= {"TERM": "xterm-256color", **(environment or {})}
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=around)
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so when nobody holds the other end
            part = b""
        if not part:
            break
        written += part
    process.wait(60)
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def plain(written: str) -> str:
    """What was written, without escapes."""
    return ANSI.sub("", written)
