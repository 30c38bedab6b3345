"""Ways to forge a run of part edge, by what a forger begins with."""

from tests.grading.forgeries import challenged, friend, nothing, own  # noqa: F401
from tests.grading.forgeries.ways import BEGAN, FORGERIES, Forgery

__all__ = ["BEGAN", "FORGERIES", "Forgery"]
