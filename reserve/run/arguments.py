"""What commands take as PART and RUN: checked first of all, completed by the shell, with the nearest name suggested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from snippets.parts import ALL, PARTS, check_part


class PartArgument(click.ParamType):
    """A part of the lab; with `all_too`, also `all`. Raises snippets' UsageError, whose exit code is 2, for another."""

    name = "part"

    def __init__(self, all_too: bool = False) -> None:
        self.all_too = all_too
        self.known = (*PARTS, ALL) if all_too else PARTS

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The part's name, as it is."""
        check_part(str(value), all_too=self.all_too)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin so."""
        return [CompletionItem(name) for name in self.known if name.startswith(incomplete)]


class RunArgument(click.ParamType):
    """A run: its folder, or a part, which means the run with the answers. Completed with parts, runs and files."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text as it is: what it means is found out when it is read."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Parts, and the folders of the runs here; files where neither fits."""
        from snippets.record.head import HEAD  # heavy modules: only where a shell asks
        from snippets.record.run import default_runs

        runs = default_runs()
        shown = Path("runs") if runs == Path.cwd() / "runs" else runs
        folders = [f"{shown / head.parent.relative_to(runs)}" for head in sorted(runs.glob(f"*/*/{HEAD}"))]
        found = [CompletionItem(name) for name in (*PARTS, *folders) if name.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]


PART = PartArgument()
PART_OR_ALL = PartArgument(all_too=True)
RUN = RunArgument()
