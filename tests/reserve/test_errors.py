"""Every trouble with a testbed ends the command with a code that the README lists, and can be told from the others."""

from __future__ import annotations

import pytest

from reserve import errors
from reserve.errors import NodeCommandFailed, SiteError
from snippets.errors import KitError

OWN = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == errors.__name__
]


def test_all_errors_are_offered_and_nothing_else_is() -> None:
    kinds = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, KitError)}
    assert kinds == set(errors.__all__) and errors.__all__ == sorted(errors.__all__)


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_what_a_testbed_refuses_or_fails_ends_with_code_14(kind: type[SiteError]) -> None:
    assert issubclass(kind, SiteError) and kind.exit_code == 14


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_each_kind_says_in_a_sentence_of_its_own_when_it_is_raised(kind: type[SiteError]) -> None:
    own = vars(kind).get("__doc__") or ""
    assert own.endswith(".") and own not in [other.__doc__ for other in OWN if other is not kind]


def test_no_kind_is_caught_where_another_is_meant() -> None:
    assert {(one, other) for one in OWN for other in OWN if one is not other and issubclass(one, other)} == set()


@pytest.mark.parametrize(("name", "code"), [("UsageError", 2), ("RunTimeout", 5), ("CredentialsError", 15)])
def test_what_is_not_the_testbeds_fault_keeps_its_code(name: str, code: int) -> None:
    assert getattr(errors, name).exit_code == code and not issubclass(getattr(errors, name), SiteError)


def test_a_failed_command_carries_its_status_and_what_it_printed() -> None:
    error = NodeCommandFailed("apt-get failed on the node.", status=100, output="E: no space left")
    assert (str(error), error.status, error.output) == ("apt-get failed on the node.", 100, "E: no space left")
