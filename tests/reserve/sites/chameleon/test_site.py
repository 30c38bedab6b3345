"""The Chameleon site against the emulator."""

from tests.reserve import scenario


def test_a_lease_becomes_a_node_and_everything_is_given_back(desk, chameleon):
    scenario.from_lease_to_release(desk)
    chameleon.assert_empty()


def test_a_refused_lease_is_explained_with_the_next_free_blocks(desk, chameleon):
    scenario.conflict(desk)
    chameleon.assert_empty()
