"""Faults of the emulated Chameleon as rows of a table, and how each has to be told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from reserve.errors import SiteError
from snippets.errors import KitError


@dataclass(frozen=True)
class Row:
    """One fault. `says`: a pattern of the message, None if the command must succeed; `error`: its class."""

    fault: str
    doing: Any
    says: str | None
    error: type[KitError] = SiteError
    times: int | None = None
    params: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    """Further faults that are on: what must be so that this one can strike."""

    @property
    def id(self) -> str:
        often = "" if self.times is None else f"-{self.times}x"
        at = re.sub(r"\W+", "-", str(self.params.get("match", "")))
        return f"{self.doing.__name__}-{self.fault}{often}{at}"

    def strike(self, command: Callable[[], object]) -> None:
        """Run the command while the fault is on: it succeeds, or its error says what the row wants, in words."""
        if self.says is None:
            command()
            return
        with pytest.raises(self.error) as raised:
            command()
        message = str(raised.value)
        assert re.search(self.says, message, re.S), message
        assert "Traceback" not in message and "0x" not in message
