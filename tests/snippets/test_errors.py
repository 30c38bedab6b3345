"""Every error has an exit code of its own, and another library's words are quoted in one line."""

from __future__ import annotations

from snippets import errors
from snippets.errors import KitError, first_line


def test_no_two_errors_share_an_exit_code() -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, KitError)]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes) > 10 and errors.INTERRUPTED_EXIT_CODE not in codes


def test_the_first_line_that_says_something_is_quoted() -> None:
    assert first_line(ValueError("\n  17\n  no such layer: conv  \nat line 3")) == "no such layer: conv"


def test_an_error_without_words_is_named_by_its_kind() -> None:
    assert first_line(KeyError(17)) == "KeyError" and first_line(TimeoutError()) == "TimeoutError"


def test_a_very_long_line_is_cut() -> None:
    assert len(first_line(ValueError("x" * 999))) == 300
