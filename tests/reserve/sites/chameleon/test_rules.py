"""What to do about each refusal by the testbed's rules; the sentences stand in its services' sources."""

from __future__ import annotations

import re

import pytest

from reserve.sites.chameleon.rules import OTHERWISE, is_rule, remedy


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("Reservation for project CHI-1 would spend 6.00 SUs, only 3.10 left", "its PI .* asks for more"),
        ("Reservation for user ab would spend 5.67 SUs, only 1.00 left in user budget", "instructor to raise it"),
        ("Reservation update would spend 2.00 more SUs, only 0.10 left", "asks for more"),
        ("Cannot create a lease beyond Chameleon project expiration date.", "earlier block, or its PI renews"),
        ("Lease duration of 700000 seconds must be less than or equal to the maximum lease duration", "at most 7 days"),
        ("Lease can only be extended within 172800 seconds of the leases current end time.", "last 48 hours"),
        ("lease stacking", "help desk before a class does"),
        ("External Service Filter returned a non expected response", "few minutes"),
        ("No leases on Sundays", "ask your instructor"),
    ],
)
def test_every_sentence_has_its_remedy(sentence: str, told: str) -> None:
    assert is_rule(sentence) and re.search(told, remedy(sentence))
    assert (remedy(sentence) == OTHERWISE) == sentence.startswith("No leases")


@pytest.mark.parametrize(
    "sentence",
    [
        "Policy doesn't allow this to be performed.",
        "You are not authorized to perform the requested action.",
        "2020 is an invalid date. Required format: %Y-%m-%d %H:%M",
        "Malformed requirements [1]",
        "End date must be later than start date.",
        "",
    ],
)
def test_who_may_ask_and_how_is_no_rule(sentence: str) -> None:
    assert not is_rule(sentence)
