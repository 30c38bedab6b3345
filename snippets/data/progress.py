"""A progress line for what takes long: drawing, downloading and decoding pictures."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


def progress_bar(label: str, total: int, unit: str = " pictures", initial: int = 0) -> tqdm[Any]:
    """A progress line on stderr that shows itself only if the work takes longer than a second."""
    from tqdm import tqdm

    return tqdm(
        total=total,
        desc=label,
        unit=unit,
        initial=initial,
        unit_scale=total > 10**6,
        delay=1,
        mininterval=0.5,
        file=sys.stderr,
    )
