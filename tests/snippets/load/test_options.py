"""One value says how a service is put under load, and only what differs from the defaults tells steps apart."""

from __future__ import annotations

import pytest

from snippets.errors import UsageError
from snippets.load.options import LoadOptions


def test_settings_left_alone_are_no_part_of_the_key() -> None:
    assert LoadOptions(clients=8, seconds=2.0).key() == {"clients": 8, "seconds": 2.0}
    assert LoadOptions(offered_rps=30.5, protocol="grpc").key() == {"offered_rps": 30.5, "protocol": "grpc"}


def test_each_loop_has_a_warm_up_of_its_own_unless_told() -> None:
    assert LoadOptions(clients=8).warm_up == 0.1 and LoadOptions(offered_rps=8).warm_up == 0.2
    assert LoadOptions(clients=8, warm_up_s=0.0).warm_up == 0


@pytest.mark.parametrize("neither_nor_both", [{}, {"clients": 2, "offered_rps": 5.0}])
def test_a_load_is_one_of_the_two_loops(neither_nor_both: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="one of the two"):
        LoadOptions(**neither_nor_both)  # type: ignore[arg-type]
