"""Errors of grading: each keeps the exit code of the kit's error it refines."""

from __future__ import annotations

from snippets.errors import SubmissionError, ToolMissing, UsageError


class QuestionError(UsageError):
    """A question file is malformed, or a question id does not exist."""


class NotebookSourceError(UsageError):
    """A notebook source breaks a rule of the kit: no parameters cell, two asks in a cell, a repeated id."""


class UnsafeArchive(SubmissionError):
    """An archive holds links, paths that leave it, or more than it may unpack to."""


class ConfinementMissing(ToolMissing):
    """No way to confine student code exists on this machine."""
