"""The kit's own pins."""

from __future__ import annotations

import pytest

from reserve.containers import pins


@pytest.fixture(scope="package")
def held() -> pins.Pins:
    return pins.load()
