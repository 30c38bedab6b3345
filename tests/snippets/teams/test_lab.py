"""A lab with teams: requests that fit each team's framework, and steps that know its model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from snippets.teams.card import Card
from snippets.teams.handed_in import PHOTOS, SORTER
from snippets.teams.lab import TeamsLab, team_of


def test_a_service_belongs_to_the_team_that_it_is_called_after() -> None:
    assert [team_of(name) for name in ("photos", "photos_own", "sorter_plain")] == ["photos", "photos", "sorter"]


@pytest.mark.parametrize(
    ("service", "shape", "kind"),
    [("photos_own", (3, 3, 224, 224), np.float32), ("sorter", (3, 224, 224, 3), np.uint8)],
)
def test_requests_are_photos_as_the_teams_framework_takes_them(
    lab: TeamsLab, service: str, shape: tuple[int, ...], kind: type
) -> None:
    (rows,) = lab.inputs(service, 3).values()
    assert rows.shape == shape and rows.dtype == kind


def test_a_step_is_told_apart_by_the_teams_model(lab: TeamsLab, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"another")
    keys = [lab.key(lab.team(Card(PHOTOS), model), {"more": 1}) for model in (None, other)]
    assert [key["model"] for key in keys] == [lab.teams[PHOTOS].model, other]
    assert keys[0]["config"] == keys[1]["config"] and keys[0]["more"] == 1


def test_another_file_leaves_what_the_team_handed_in_as_it_was(lab: TeamsLab, tmp_path: Path) -> None:
    before = replace(lab.teams[SORTER])
    assert lab.team(Card(SORTER), tmp_path / "x").files["model.joblib"] == tmp_path / "x"
    assert lab.teams[SORTER] == before
