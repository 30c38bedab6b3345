"""Errors of the kit. Each says what happened, to what, and what to do; each has a documented exit code."""

from __future__ import annotations

import re
from dataclasses import dataclass

INTERRUPTED_EXIT_CODE = 130


def first_line(error: BaseException) -> str:
    """The first line of an error's text that says something (a bare number does not), to be quoted; 300 characters."""
    lines = [line.strip() for line in str(error).splitlines() if any(map(str.isalpha, line))]
    return (lines[0] if lines else type(error).__name__)[:300]


def reason_of(error: BaseException) -> str:
    """What ONNX Runtime says is wrong, in one line of at most 400 characters: without its codes, files and addresses.

    Its text begins with where in its own sources something happened; what is wrong, and with what, comes after.
    """
    said = " ".join(str(error).split())
    said = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", said)
    said = re.sub(r"\S+\.(cc|h):\d+ \S+( \S+\))?", "", said)
    return said[:400].strip() or type(error).__name__


@dataclass(frozen=True)
class Place:
    """Where in the lab something happened; what is not known is empty.

    `notebook`: its name without .ipynb; `cell`: its index among the cells that were to run, from 0, the injected
    parameters among them, papermill's notes of the error not; `step`: its name in the record.
    """

    part: str = ""
    notebook: str = ""
    cell: int | None = None
    step: str = ""

    def __str__(self) -> str:
        """In words, cells counted from 1 as people do: `model, 1_first, cell 5, step a/x/latency`."""
        cell = "" if self.cell is None else f"cell {self.cell + 1}"
        step = self.step and f"step {self.step}"
        return ", ".join(word for word in (self.part, self.notebook, cell, step) if word)


class KitError(Exception):
    """Base of every error that a user is meant to read. `exit_code` is what `servelab` exits with.

    `place`: the part, notebook, cell and step that it ended, for programs; people read the text.
    """

    exit_code = 1

    def __init__(self, *said: object, place: Place = Place()) -> None:
        super().__init__(*said)
        self.place = place

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence, not where in the kit it was written."""
        return [f"{type(self).__name__}: {self}"]


class NothingToDo(Exception):
    """A notebook ends here, and rightly: what it is about does not apply. The text says why.

    Raised in a cell, it stops "Run All" with that sentence instead of a traceback; `servelab run` takes the notebook
    for finished.
    """

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class UsageError(KitError):
    """A parameter, an argument or a part that does not exist or has the wrong type."""

    exit_code = 2


class CellError(KitError):
    """A notebook cell raised."""

    exit_code = 3


class KernelDied(KitError):
    """The process that runs a notebook's cells ended before the notebook did."""

    exit_code = 4


class RunTimeout(KitError):
    """A notebook, a cell or a wait took longer than its limit."""

    exit_code = 5


class RecordError(KitError):
    """A run record cannot be read, was changed, or is of a newer schema."""

    exit_code = 6


class RunLocked(KitError):
    """Another process is measuring in the same run folder."""

    exit_code = 7


class StorageError(KitError):
    """A disk is full or a folder cannot be written."""

    exit_code = 8


class DataError(KitError):
    """Images, labels or classes are missing or unusable."""

    exit_code = 9


class ModelError(KitError):
    """Weights or a model file are unreadable, refused, or do not fit the data."""

    exit_code = 10


class ProviderError(KitError):
    """An execution provider was asked for and not got."""

    exit_code = 11


class ToolMissing(KitError):
    """A program that the step needs is not installed."""

    exit_code = 12


class ServerError(KitError):
    """A server crashed, did not become ready, or refused to load a model."""

    exit_code = 13


class SiteError(KitError):
    """A testbed site refused or failed a request."""

    exit_code = 14


class CredentialsError(KitError):
    """Credentials are missing, expired, or not allowed to do what is asked."""

    exit_code = 15


class SubmissionError(KitError):
    """A submission is incomplete, unreadable or too large."""

    exit_code = 16


class PlanError(KitError):
    """A class plan's input is inconsistent or no plan exists."""

    exit_code = 17
