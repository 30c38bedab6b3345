"""Failures in the faults' cases are shown as those in tests are."""

import pytest

pytest.register_assert_rewrite(*(f"tests.chameleon.cases_{part}" for part in ("wire", "cloud", "node")))
