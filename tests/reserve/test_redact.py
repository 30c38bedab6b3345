"""Secrets never leave: every one that is known is hidden, wherever it stands."""

from __future__ import annotations

from reserve.redact import SHORTEST, redact, remember_secret

# What is remembered stays so until the process ends: no word that another test could write.


def test_a_known_secret_is_hidden_everywhere_in_a_text() -> None:
    remember_secret("hunter2-hunter2")
    assert redact("a hunter2-hunter2 b=hunter2-hunter2") == "a *** b=***"


def test_a_secret_inside_another_leaves_nothing_of_the_longer_one() -> None:
    remember_secret("vX7-kq")
    remember_secret("vX7-kq.and-more")
    assert redact("vX7-kq.and-more, vX7-kq") == "***, ***"


def test_what_is_too_short_to_be_told_from_words_is_not_hidden() -> None:
    for value in ("", None, "nQ4-z"):
        remember_secret(value)
    assert redact("nQ4-z") == "nQ4-z"
    remember_secret("nQ4-zz")
    assert len("nQ4-zz") == SHORTEST and redact("nQ4-zz nQ4-z") == "*** nQ4-z"
