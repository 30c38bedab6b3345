"""Output for a person at a terminal: lines that fit it, colour where it is wanted, a bar with the time that is left.

    with bar("system", total=30.0) as meter:      # shows nothing where nobody watches
        meter.done(2.5, "2_triton")

What is read by a program, a file or a pipe, is never touched: no line is broken, nothing is coloured.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

LEAST_TEXT = 24
"""Columns that the last column of a table keeps, when its text is wrapped under itself."""
SURE_FROM = 0.03
"""The share of the work from which what is left can be told."""
_COLUMN = re.compile(r"\S {2,}(?=\S)")
_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")


def width(stream: TextIO | None = None) -> int | None:
    """Columns of the terminal that reads `stream` (default: what is printed); None for a file, a pipe, or nobody."""
    stream = stream or sys.stdout
    return shutil.get_terminal_size().columns if stream and stream.isatty() else None


def in_colour(stream: TextIO | None = None) -> bool:
    """Whether colour is wanted: at a terminal that has it, and NO_COLOR (https://no-color.org) is not set."""
    return width(stream) is not None and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def fitted(text: str, columns: int | None) -> str:
    """`text` with every line of at most `columns`: what is too long goes on under its own column, or indented.

    A word that is longer, such as a path, stays whole, so that it can be copied.
    """
    if columns is None:
        return text
    return "\n".join(part for line in text.split("\n") for part in _fitted(line, columns))


def _fitted(line: str, columns: int) -> list[str]:
    over = len(line) - columns
    if over <= 0:
        return [line]
    gaps = sorted((found.span() for found in _GAP.finditer(line)), key=lambda span: span[1] - span[0])
    if gaps and gaps[-1][1] - gaps[-1][0] >= over + 2:  # the widest gap between two columns gives way
        return [line[: gaps[-1][1] - over] + line[gaps[-1][1] :]]
    indent = len(line) - len(line.lstrip())
    starts = [found.end() for found in _COLUMN.finditer(line) if found.end() <= columns - LEAST_TEXT]
    start = starts[-1] if starts else indent
    under = " " * (start if starts else min(indent + 2, columns // 2))
    words = line[start:]
    return textwrap.wrap(
        words,
        columns,
        initial_indent=line[:start],
        subsequent_indent=under,
        break_long_words=False,
        break_on_hyphens=False,
    )


class Meter:
    """How far some work is; `total` in whatever it is measured in."""

    def __init__(self, total: float) -> None:
        self.total, self.finished, self.doing = total, 0.0, ""
        self.moved: Callable[[], object] = lambda: None
        """Called after each `done`."""

    def done(self, amount: float, doing: str = "") -> None:
        """So much more is finished; `doing` says what is being worked on."""
        self.finished = min(self.finished + amount, self.total)
        self.doing = doing or self.doing
        self.moved()

    def left(self, elapsed_s: float) -> str:
        """`about 3 min left`, as fast as it went so far; empty while that cannot be told."""
        if self.finished < SURE_FROM * self.total or not self.total:
            return ""
        return f"about {_duration(elapsed_s * (self.total - self.finished) / self.finished)} left"


def _duration(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 90 else f"{round(seconds / 60)} min"


@contextmanager
def no_bars() -> Iterator[None]:
    """No `bar` shows anything meanwhile: for a process that works beside others at one terminal."""
    before, _hidden[0] = _hidden[0], True
    try:
        yield
    finally:
        _hidden[0] = before


_hidden = [False]


@contextmanager
def bar(label: str, total: float, *, forks: bool = False) -> Iterator[Meter]:
    """A line at the foot of the terminal with a bar and the time left, gone at the end; the Meter that moves it.

    Other output goes on above it. Shows nothing where the output is no terminal, or one that cannot go back a line.
    `forks`: processes are forked meanwhile; then no thread redraws it, and it changes when the Meter does.
    """
    meter = Meter(total)
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
        from rich.text import Text
    except ImportError:  # on a small device
        watched = False
    else:
        watched = width() is not None and os.environ.get("TERM") != "dumb" and not _hidden[0]
    if not watched:
        yield meter
        return

    class Told(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(meter.left(task.elapsed or 0.0))

    class Filled(BarColumn):
        def render(self, task: Task):  # type: ignore[no-untyped-def]
            task.completed = meter.finished
            return super().render(task)

    class Doing(TextColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{label} {meter.doing}".strip(), no_wrap=True)

    columns = Doing(""), Filled(bar_width=18), Told()
    console = Console(file=sys.stdout)
    with Progress(*columns, console=console, transient=True, refresh_per_second=4, auto_refresh=not forks) as progress:
        progress.add_task(label, total=total or None)
        if forks:
            meter.moved = progress.refresh
        yield meter
