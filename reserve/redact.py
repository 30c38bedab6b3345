"""Secrets that are known, and the text that leaves without them: all that this package prints or keeps passes here."""

from __future__ import annotations

_SECRETS: set[str] = set()
SHORTEST = 6
"""Shorter values are too common to hide: every other word would be lost with them."""


def remember_secret(value: str | None) -> None:
    """Have `redact` hide this value from now on, unless it is None or shorter than `SHORTEST` characters."""
    if value and len(value) >= SHORTEST:
        _SECRETS.add(value)


def redact(text: str) -> str:
    """`text` with every remembered secret replaced by `***`, longer ones first (one may contain another)."""
    for secret in sorted(_SECRETS, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
