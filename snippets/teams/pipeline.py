"""From a photo's file to its class, on Triton, in three ways: an ensemble of two models, a model that asks two models,
and one model that does both steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from snippets.load.options import LoadOptions
from snippets.load.windows import WINDOW, take_turns
from snippets.parts import KIT
from snippets.teams.card import Card
from snippets.teams.handed_in import PHOTOS
from snippets.teams.lab import TeamsLab
from snippets.teams.template import FRAMEWORKS, HERE
from snippets.triton import deployments, loads
from snippets.triton.config import Deployment, ModelConfig, Tensor
from snippets.triton.deployments import IMAGE_TENSOR
from snippets.triton.lab import WINDOWS
from snippets.triton.written import WrittenConfig

PHOTO = Tensor("photo", "UINT8", (-1,))
DECODE, ENSEMBLE, SCRIPTED, WHOLE = (f"steps_{name}" for name in ("decode", "ensemble", "scripted", "whole"))
WAYS = {"ensemble": ENSEMBLE, "scripted": SCRIPTED, "one model": WHOLE}
"""What each way is called, and its service."""

ENSEMBLE_TEXT = """name: "{name}"
platform: "ensemble"
max_batch_size: 1
input {input}
output {output}
ensemble_scheduling {{
  step {{
    model_name: "{first}" model_version: -1
    input_map {{ key: "photo" value: "photo" }}
    output_map {{ key: "input" value: "image" }}
  }}
  step {{
    model_name: "{second}" model_version: -1
    input_map {{ key: "input" value: "image" }}
    output_map {{ key: "probabilities" value: "probabilities" }}
  }}
}}
"""


def ensemble(classes: int) -> Deployment:
    """The two steps as a Triton ensemble: a description and nothing else, which the server itself carries out."""
    output = Tensor("probabilities", "FP32", (classes,))
    text = ENSEMBLE_TEXT.format(name=ENSEMBLE, input=PHOTO.pbtxt(), output=output.pbtxt(), first=DECODE, second=PHOTOS)
    return Deployment(WrittenConfig(ENSEMBLE, "", (PHOTO,), (output,), 1, text=text), {})


def service(lab: TeamsLab, name: str) -> Deployment:
    """One of the services of this module, or the photos team's plain one."""
    team = lab.teams[PHOTOS]
    if name == PHOTOS:
        return lab.team(Card(PHOTOS))
    if name == ENSEMBLE:
        return ensemble(team.classes)
    framework, way = FRAMEWORKS[team.framework], name.removeprefix("steps_")
    output = IMAGE_TENSOR if way == "decode" else Tensor("probabilities", "FP32", (team.classes,))
    config = ModelConfig(
        name,
        "python",
        (PHOTO,),
        (output,),
        max_batch=1,
        instances=deployments.groups(1, lab.gpus if way == "whole" else 0),
        parameters={"way": way, "steps": f"{DECODE},{PHOTOS}", "file": framework.file, "threads": "1"},
    )
    files = {"model.py": HERE / "models" / "pipeline.py", "batch.py": deployments.MODELS / "batch.py"}
    if way == "whole":
        files |= {"engine.py": framework.engine, framework.file: team.model}
    if way != "scripted":
        # One way from a file to the network's input, used everywhere: the kit's own travels along.
        empty = deployments.MODELS / "__init__.py"
        files |= {f"snippets/{place}__init__.py": empty for place in ("", "data/")}
        files |= {f"snippets/{name}.py": KIT / "snippets" / f"{name}.py" for name in ("data/image", "errors")}
    return Deployment(config, files)


def measure(lab: TeamsLab) -> dict[str, dict[str, Any]]:
    """A client asks each way of WAYS for the class of a photo's file, in turn: steps `pipeline/<way>/load`, by way.

    The fields are those of `loads.put_under_load`, and `photo_bytes`, what a request carries.
    """
    rounds = WINDOWS[lab.run.profile]

    def window(way: str, number: int) -> dict[str, Any]:
        options = LoadOptions(clients=1, seconds=lab.seconds, window=number, windows=rounds)
        names = (DECODE, PHOTOS, WAYS[way])

        def asked() -> dict[str, Any]:
            for name in names:
                lab.deploy(service(lab, name))
            photo = photo_file()
            return {
                "photo_bytes": photo.size,
                **loads.put_under_load(lab.server, WAYS[way], {PHOTO.name: photo[None]}, options),
            }

        key = {
            "server": lab.server.kind,
            "configs": [service(lab, name).config.pbtxt() for name in names],
            "model": lab.teams[PHOTOS].model,
            **options.key(),
            WINDOW: number,
        }
        return lab.run.step(f"pipeline/{way.replace(' ', '-')}/load", asked, inputs=key)

    return take_turns(tuple(WAYS), rounds, window)


def photo_file() -> np.ndarray:
    """The first photo of the evaluation split as it lies on the disk, uint8 (n,)."""
    from snippets.data.datasets import dataset

    data = dataset("rehearsal")
    return np.frombuffer((data.folder / data.split("evaluation").files[0]).read_bytes(), dtype=np.uint8)


def answers(lab: TeamsLab) -> dict[str, np.ndarray]:
    """The probabilities that each way gives the photo, float32 (classes,), by way: step `pipeline/all/outputs`."""

    def asked() -> dict[str, Any]:
        found = {}
        for way, name in WAYS.items():
            for each in (DECODE, PHOTOS, name):
                lab.deploy(service(lab, each))
            sender = loads.target_of(lab.server, name, {PHOTO.name: photo_file()[None]}).sender()
            found[way] = sender().as_numpy("probabilities")[0]
            sender.close()
        return found

    texts = [service(lab, name).config.pbtxt() for name in (DECODE, PHOTOS, *WAYS.values())]
    key = {"server": lab.server.kind, "configs": texts, "model": lab.teams[PHOTOS].model}
    return lab.run.step("pipeline/all/outputs", asked, inputs=key)
