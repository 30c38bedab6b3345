"""One template for all teams: a card and what the team hands in become a service on Triton.

The description is rendered from templates/config.pbtxt.j2; the code is the platform's (models/served.py), with an
engine for each framework that the platform knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from snippets.errors import UsageError
from snippets.teams.card import Card
from snippets.triton import deployments
from snippets.triton.config import Deployment, Tensor
from snippets.triton.deployments import IMAGE_TENSOR, PIXELS
from snippets.triton.written import WrittenConfig

HERE = Path(__file__).parent
TEMPLATE = HERE / "templates" / "config.pbtxt.j2"
TOLERANCE = 0.01
"""How far a probability of the self-test may be off: engines round differently, another model differs by more."""


@dataclass(frozen=True)
class Framework:
    """What the platform must know of a framework: the `engine` that runs its file, what that is called (`file`), what a
    photo looks like to it (`input`), and whether it can use a GPU."""

    engine: Path
    file: str
    input: Tensor
    gpu: bool


FRAMEWORKS = {
    "ONNX": Framework(HERE / "models" / "onnx_engine.py", "model.onnx", IMAGE_TENSOR, gpu=True),
    "scikit-learn": Framework(HERE / "models" / "sklearn_engine.py", "model.joblib", PIXELS, gpu=False),
}


@dataclass(frozen=True)
class HandedIn:
    """What a team hands in: its framework's name, its model file, an example (photos and the probabilities expected of
    them, as .npz), and how many classes it tells apart. Raises UsageError for a framework that has no engine."""

    framework: str
    model: Path
    example: Path
    classes: int

    def __post_init__(self) -> None:
        if self.framework not in FRAMEWORKS:
            raise UsageError(
                f"The platform has no engine for {self.framework}; it has {', '.join(FRAMEWORKS)}. Write one: "
                "a file like those in snippets/teams/models, and a row in FRAMEWORKS."
            )


def render(card: Card, team: HandedIn, *, gpus: int = 0, tolerance: float | None = TOLERANCE) -> Deployment:
    """The service of a team by the template. `gpus`: GPUs that it may use, if its framework can; `tolerance`: of the
    self-test, None for a service without one.
    """
    from jinja2 import Environment, StrictUndefined

    framework = FRAMEWORKS[team.framework]
    (group,) = deployments.groups(card.instances, gpus if framework.gpu else 0)
    output = Tensor("probabilities", "FP32", (team.classes,))
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(TEMPLATE.read_text())
    text = template.render(
        card=card,
        file=framework.file,
        input=framework.input,
        output=output,
        group=group.pbtxt().strip("{ }"),
        tolerance="" if tolerance is None else f"{tolerance:g}",
    )
    config = WrittenConfig(card.name, "python", (framework.input,), (output,), card.max_batch, (group,), text=text)
    return Deployment(config, _files(framework, team))


def _files(framework: Framework, team: HandedIn) -> Mapping[str, Path]:
    return {
        "model.py": HERE / "models" / "served.py",
        "engine.py": framework.engine,
        "batch.py": deployments.MODELS / "batch.py",
        framework.file: team.model,
        "self_test.npz": team.example,
    }
