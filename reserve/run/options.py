"""What may be said about a run: one value for here, for a node and for a grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunOptions:
    """How a part's notebooks are run.

    `profile`: quick or full (empty: what a node's hardware sets); `params`: NAME=VALUE texts; `runs`: folder of run
    records (None: see `default_runs`); `run_id`: name of the run's folder (None: `reserve.run.naming` derives it);
    `mode`: resume, fresh or replay; `timeout_s`: longest time of one notebook, in seconds; `predictions`: the
    student's file of them, sent to a node with the run; `order`: the notebooks' numbers in the order in which they
    run, such as `1,2,4,5,3` ('': as they are numbered).
    """

    profile: str = "quick"
    params: tuple[str, ...] = ()
    runs: Path | None = None
    run_id: str | None = None
    mode: str = "resume"
    timeout_s: float = 1800.0
    predictions: Path | None = None
    order: str = ""

    @property
    def name(self) -> str:
        """Name of the run's folder, as far as it is known without the notebooks."""
        return self.profile if self.run_id is None else self.run_id


DEFAULTS = RunOptions()
