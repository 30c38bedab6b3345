"""The Chameleon site against the emulator."""

from tests.reserve import scenario


def test_a_lease_becomes_a_node_and_everything_is_given_back(student, emulator):
    scenario.from_lease_to_release(student("CHI@TACC"))
    emulator.assert_empty()


def test_a_refused_lease_is_explained_with_the_next_free_blocks(student, emulator):
    scenario.conflict(student("CHI@UC"))
    emulator.assert_empty()
