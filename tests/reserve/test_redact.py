"""Secrets never leave: every one that is known is hidden, wherever it stands."""

from __future__ import annotations

import pytest

from reserve import redact as module
from reserve.redact import redact, remember_secret


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECRETS", set())


def test_a_known_secret_is_hidden_everywhere_in_a_text() -> None:
    remember_secret("hunter2-hunter2")
    assert redact("a hunter2-hunter2 b=hunter2-hunter2") == "a *** b=***"


def test_a_secret_inside_another_leaves_nothing_of_the_longer_one() -> None:
    remember_secret("secret")
    remember_secret("secret-and-more")
    assert redact("secret-and-more, secret") == "***, ***"


def test_what_is_too_short_to_be_told_from_words_is_not_hidden() -> None:
    for value in ("", None, "model"):
        remember_secret(value)
    assert redact("model") == "model"
    remember_secret("sixsix")
    assert redact("sixsix") == "***"
