"""Where things are on a node, below the user's home. The shell programs beside this module write the same names."""

from __future__ import annotations

KIT = "servelab"
"""The checkout, and what is installed for it."""
STATE = ".servelab"
"""What the kit keeps about the node and its jobs; for the user only."""
RUNS = "servelab-runs"
"""The run records."""
