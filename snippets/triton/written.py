"""A model's description that somebody wrote by hand: read strictly, loaded by Triton as it stands, or else the kit's.

own = described(lab, text, lab.service("similar", ServiceOptions("similar_mine")))
own.deployment, own.told
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from snippets.errors import ServerError, UsageError, first_line
from snippets.triton import loads
from snippets.triton.config import Deployment, DynamicBatching, InstanceGroup, ModelConfig, parse

if TYPE_CHECKING:
    from snippets.triton.lab import Lab

STEP = "config/mine/written"
MOST_INSTANCES = 8


@dataclass(frozen=True)
class WrittenConfig(ModelConfig):
    """A configuration whose `text` Triton gets letter for letter; the fields are what the kit must know of it."""

    text: str = ""

    def pbtxt(self) -> str:
        """The text as it was written."""
        return self.text


@dataclass(frozen=True)
class Described:
    """What is in force: a deployment, whose description it has (`by`: "you", "the kit"), and `why` not the other's."""

    deployment: Deployment
    by: str
    why: str

    @property
    def told(self) -> str:
        """In words: whose description Triton has loaded."""
        if self.by == "you":
            return "Triton has loaded your description."
        why = f" in the place of yours: {self.why.rstrip('.')}" if self.why else ", as none is written"
        return f"The kit's description is used{why}."


def written(text: str, like: ModelConfig) -> WrittenConfig:
    """A config.pbtxt as a configuration of the model `like`. Raises UsageError that says what is wrong, by line where
    the parser knows it."""
    message = parse(text)
    kept = ("name", "backend", "inputs", "outputs", "parameters")
    base: dict[str, Any] = {name: getattr(like, name) for name in kept}
    if message is None:  # without Triton's schema, Triton itself is asked
        return WrittenConfig(**base, text=text)
    if message.name != like.name:
        raise UsageError(f'the model is called name: "{like.name}" here, not "{message.name}"')
    for kind, named, ours in (("input", message.input, like.inputs), ("output", message.output, like.outputs)):
        # Triton would load it all the same, and answer without the output that nobody knows.
        if [one.name for one in named] != (names := [one.name for one in ours]):
            raise UsageError(f"its model.py has the {kind} {', '.join(names)}: name that in `{kind}`")
    instances = sum(max(group.count, 1) * max(len(group.gpus), 1) for group in message.instance_group)
    if instances > MOST_INSTANCES:
        raise UsageError(f"{instances} instances are too many for this machine; ask for {MOST_INSTANCES} at most")
    return WrittenConfig(
        **base,
        max_batch=message.max_batch_size,
        instances=(InstanceGroup(max(instances, 1)),),
        text=text,
    )


def described(lab: Lab, text: str, kit: Deployment) -> Described:
    """Have Triton load the description `text` (empty: there is none), with the files of the deployment `kit`; where it
    cannot, that one, with dynamic batching. Recorded as step STEP: by, why, and the text in force."""
    spare = Deployment(replace(kit.config, batching=DynamicBatching()), kit.files)

    def tried() -> dict[str, str]:
        if not text:
            return {"by": "the kit", "why": "", "text": spare.config.pbtxt()}
        try:
            lab.deploy(Deployment(written(text, kit.config), kit.files))
            _ask_once(lab, kit.config.name)
        except (UsageError, ServerError) as error:
            return {"by": "the kit", "why": first_line(error), "text": spare.config.pbtxt()}
        return {"by": "you", "why": "", "text": text}

    found = lab.run.step(STEP, tried, inputs={"text": text, "server": lab.server.kind})
    if found["by"] == "you":
        return Described(Deployment(written(text, kit.config), kit.files), "you", "")
    return Described(spare, "the kit", found["why"])


def _ask_once(lab: Lab, service: str) -> None:
    """Send one request. Raises ServerError with Triton's reason where it has no answer."""
    sender = loads.target_of(lab.server, service, lab.inputs(service, 1)).sender()
    try:
        sender()
    except Exception as error:  # whatever tritonclient raises
        raise ServerError(f"Triton has loaded it, but does not answer: {first_line(error)}") from error
    finally:
        sender.close()
