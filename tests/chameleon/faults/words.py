"""What rows of several services say and take."""

from __future__ import annotations

from typing import Any

AGAIN = "say which request failed, that it was tried again, and that the same command continues where it stopped"
COMMAND: dict[str, Any] = {"match": "", "seconds": 0.2}
"""The parameters of a fault that strikes at a command on a node."""
