"""The system lab with two teams on it: their services by the template, and requests that fit each.

A service is called after its team, "photos" or "sorter", with anything behind an underscore.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from snippets.teams import handed_in
from snippets.teams.card import Card
from snippets.teams.handed_in import PHOTOS, SORTER
from snippets.teams.template import FRAMEWORKS, TOLERANCE, HandedIn, render
from snippets.triton.config import Deployment
from snippets.triton.deployments import IMAGE_TENSOR
from snippets.triton.lab import REQUEST_PHOTOS, Lab

PLAIN = {name: Card(name) for name in (PHOTOS, SORTER)}
"""The teams' cards as they come: one instance, one thread, one photo at a time."""


class TeamsLab(Lab):
    """A Lab whose services are those of teams."""

    @cached_property
    def generations(self) -> Counter[str]:
        """How often each service was loaded again since its process had ended."""
        return Counter()

    @cached_property
    def teams(self) -> Mapping[str, HandedIn]:
        """What each team handed in; made and recorded at the first call."""
        files = self.models
        return {
            PHOTOS: handed_in.photos(self.run, Path(files["onnx"]), files["classes"]),
            SORTER: handed_in.sorter(self.run),
        }

    def team(self, card: Card, model: Path | None = None, tolerance: float | None = TOLERANCE) -> Deployment:
        """A team's service by its card; with another `model` file, or without a self-test (`tolerance` None)."""
        team = self.teams[team_of(card.name)]
        team = replace(team, model=model) if model is not None else team
        return render(card, team, gpus=self.gpus, tolerance=tolerance)

    def inputs(self, service: str, batch: int) -> Mapping[str, np.ndarray]:
        """Request tensors of `batch` photos, as the team's framework takes them."""
        team = team_of(service)
        if team not in self.teams or FRAMEWORKS[self.teams[team].framework].input == IMAGE_TENSOR:
            return super().inputs(service, batch)
        from snippets.data.datasets import dataset

        images = np.asarray(dataset("rehearsal").split("evaluation").images[:REQUEST_PHOTOS])
        return {"input": images[np.arange(batch) % len(images)]}

    def key(self, deployment: Deployment, more: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs of a step that measures a team's service: server, description, model file, and what is `more`."""
        team = team_of(deployment.config.name)
        if team not in self.teams:
            return super().key(deployment, more)
        return {
            "server": self.server.kind,
            "config": deployment.config.pbtxt(),
            "model": deployment.files[FRAMEWORKS[self.teams[team].framework].file],
            **more,
        }


def team_of(service: str) -> str:
    """The team that a service is called after."""
    return service.partition("_")[0]
