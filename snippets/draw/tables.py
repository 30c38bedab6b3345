"""The one text table and the one Markdown table of the kit, and how an estimate is written in a cell."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from snippets.stats import Estimate


def text_table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: Collection[int] = (0,)) -> str:
    """Columns for a terminal, as wide as their longest cell: those numbered in `texts` to the left, others right."""
    lines = [tuple(head), *map(tuple, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column in texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], texts: Collection[int] = (0,)) -> str:
    """A table for a notebook or a report: the columns of these numbers to the left, the others to the right.

    A bar or a line break within a cell would end it: they become "\\|" and a blank.
    """
    rule = ["---" if column in texts else "---:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in (head, rule, *rows))


def interval(estimate: Estimate | None, digits: int = 1, unit: str = "") -> str:
    """An estimate with its interval, as "8.7 (8.6 to 8.8)"; `unit` "%" shows a fraction as per cent.

    Where neither end is known there is no interval, and for None, a figure that the samples are too few for, a dash.
    """
    kind = f".{digits}{'%' if unit == '%' else 'f'}"
    if estimate is None:
        return "-"
    if not estimate.bounded:
        return f"{estimate.value:{kind}}"
    return f"{estimate.value:{kind}} ({estimate.low:{kind}} to {estimate.high:{kind}})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
