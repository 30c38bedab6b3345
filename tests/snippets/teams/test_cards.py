"""Cards on a real Triton: made services of, or else the kit's, with the reason."""

from __future__ import annotations

import pytest

from snippets.teams import cards
from snippets.teams.lab import TeamsLab

OWN = "[photos]\ninstances = 2\n\n[sorter]\nmax_batch = 4\n"


def test_cards_of_ones_own_become_services_that_are_loaded_as_they_say(lab: TeamsLab) -> None:
    own = cards.in_force(lab, OWN)
    assert (own.by, own.told) == ("you", "Triton has loaded both services by your cards.")
    asked = cards.asked(lab, own.cards)
    assert list(asked) == ["cards/photos-plain", "cards/photos-own", "cards/sorter-plain", "cards/sorter-own"]
    loads = lab.in_turn(asked)
    assert {name: load["failures"] for name, load in loads.items()} == dict.fromkeys(asked, 0)
    assert [load["instances"] for load in loads.values()] == [1, 2, 1, 1]
    assert max(map(int, loads["cards/sorter-own"]["batches"])) > 1
    assert set(loads["cards/sorter-plain"]["batches"]) == {"1"}
    assert (loads["cards/photos-own"]["clients"], loads["cards/sorter-own"]["clients"]) == (4, 8)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "The kit's cards are used, as none are written."),
        ("[photos]\nthreads = 0", "in the place of yours: [photos] threads = 0: give a whole number from 1 to 16."),
        ("[cooks]", "in the place of yours: there is no team [cooks]; the teams are photos, sorter."),
    ],
)
def test_in_the_place_of_cards_that_cannot_be_the_kits_are_used_and_it_is_said_why(
    lab: TeamsLab, text: str, told: str
) -> None:
    own = cards.in_force(lab, text)
    assert own.by == "the kit" and own.told.endswith(told) and own.cards == cards.KITS
