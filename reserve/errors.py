"""Errors of leasing and running. Every message says what happened, to what, and what to do about it."""

from __future__ import annotations

from snippets.errors import CredentialsError, RunTimeout, SiteError, UsageError

__all__ = [
    "ConnectionLost",
    "CredentialsError",
    "Faulted",
    "LeaseRefused",
    "Missing",
    "NodeCommandFailed",
    "Quota",
    "RuleRefused",
    "RunTimeout",
    "SiteError",
    "SiteUnreachable",
    "UsageError",
    "WaitedTooLong",
]


class SiteUnreachable(SiteError):
    """A service of the site did not answer, or answered with something that is not an answer."""


class LeaseRefused(SiteError):
    """The site did not grant the lease."""


class RuleRefused(SiteError):
    """The testbed's rules or its accounting refuse the lease: another time changes nothing by itself."""


class Faulted(SiteError):
    """Something we asked for is in state ERROR; the message carries the site's own text."""


class Missing(SiteError):
    """Something that must exist on the site (image, network, lease) does not."""


class Quota(SiteError):
    """The project has no more of something."""


class WaitedTooLong(SiteError):
    """A bounded wait ended before what it waited for."""


class ConnectionLost(SiteError):
    """The connection to a node broke, or could not be made."""


class NodeCommandFailed(SiteError):
    """A command on a node ended with a non-zero status."""

    def __init__(self, message: str, *, status: int, output: str) -> None:
        super().__init__(message)
        self.status = status
        self.output = output
