"""Spoiled versions on a real Triton: the self-test refuses what can be read and is wrong, and the neighbour goes on."""

from __future__ import annotations

from snippets.teams import gate, spoiled
from snippets.teams.gate import RIGHT, WRONG
from snippets.teams.lab import TeamsLab


def test_only_the_self_test_keeps_wrong_versions_out_and_the_neighbour_never_notices(lab: TeamsLab) -> None:
    found = gate.measure(lab)
    rows = {(one["kind"], one["self_test"]): one for one in found["loads"]}
    assert len(rows) == 6
    for kind in spoiled.KINDS:
        assert rows[kind, True]["refused"] and rows[kind, True]["answers"] == RIGHT  # the old version does
    assert "self-test: a probability is off by" in rows[spoiled.REORDERED, True]["reason"]
    assert "(2, 2), expected is (2, 3)" in rows[spoiled.SHORT, True]["reason"]
    assert rows[spoiled.BROKEN_OFF, False]["refused"]
    for kind in (spoiled.REORDERED, spoiled.SHORT):
        assert not rows[kind, False]["refused"] and rows[kind, False]["answers"] == WRONG
    assert found["failures"] == 0 and found["ok"].all() and len(found["ok"]) > 3
    assert all(found["neighbour_ready"]) and len(found["neighbour_ready"]) == 6


def test_afterwards_the_good_version_is_back(lab: TeamsLab) -> None:
    gate.measure(lab)
    assert lab.server.ready("photos")
