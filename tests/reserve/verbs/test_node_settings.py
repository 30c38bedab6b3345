"""What a run on a node is set to: by its hardware, by who asks, and shown before it starts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reserve import hardware
from reserve.errors import UsageError
from reserve.node.preparation import image_tag, images, job_environment
from reserve.run.options import DEFAULTS, RunOptions
from reserve.sites.local import on_this_machine
from reserve.verbs.reserve import reserve_block
from reserve.verbs.run import as_set, name_at, node_settings, require_image, run_on_node
from reserve.verbs.up import up
from tests.reserve.scenario import NOW, tasks_without_jupyter

TABLE = hardware.load()
P100 = replace(TABLE["gpu_p100"], images=("triton",))


def test_both_gpus_are_the_setting_of_part_3(root: Path) -> None:
    assert node_settings(P100, root) == {"profile": "full", "gpus": "2", "device": "cuda"}
    assert node_settings(TABLE["compute_liqid"], root)["require"] == "cuda"
    assert node_settings(on_this_machine(P100), root) == {}


def test_what_no_notebook_takes_is_not_set(tmp_path: Path) -> None:
    folder = tmp_path / "notebooks" / "system"
    folder.mkdir(parents=True)
    cell = {
        "cell_type": "code",
        "metadata": {"tags": ["parameters"]},
        "source": ["profile: str = 'q'\n", "gpus: int = 0"],
    }
    (folder / "1_x.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert node_settings(P100, tmp_path) == {"profile": "full", "gpus": "2"}


def test_who_asks_has_the_last_word() -> None:
    settings = {"profile": "full", "gpus": "2", "triton": "container"}
    chosen = as_set(RunOptions(profile="", params=("gpus=1", "weights=x")), settings)
    assert chosen.profile == chosen.name == "full"
    assert chosen.params == ("gpus=1", "weights=x", "triton=container")
    assert as_set(DEFAULTS, settings).profile == "quick"
    assert as_set(RunOptions(profile=""), {}).profile == "quick" and name_at(RunOptions(profile=""))("system") == "full"


def test_the_image_that_is_built_is_the_one_that_is_used(root: Path) -> None:
    (task,) = images(P100, root)
    tag = image_tag(P100, root, "triton")
    assert callable(task.apply) or f"docker build -t {tag} " in task.apply
    assert job_environment(P100, root) == {"SERVELAB_TRITON_IMAGE": tag}
    assert job_environment(TABLE["compute_liqid"], root) == {}


def test_a_container_whose_image_is_not_built_there_is_refused_before_anything_runs() -> None:
    asked = RunOptions(params=("triton=container",))
    with pytest.raises(UsageError, match=r'images = \["triton"\] in \[gpu_p100\]'):
        require_image(TABLE["gpu_p100"], asked)
    require_image(P100, asked)
    require_image(TABLE["gpu_p100"], RunOptions(params=("gpus=2", "triton=embedded")))
    require_image(on_this_machine(TABLE["gpu_p100"]), asked)


def test_the_settings_are_said_before_the_run_and_reach_it(desk, chameleon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reserve.verbs.up.tasks_for", tasks_without_jupyter)
    monkeypatch.setattr("reserve.verbs.up.with_address", lambda opened, public: opened)
    monkeypatch.setattr("reserve.verbs.run.node_settings", lambda *_: {"profile": "full", "pause_s": "9"})
    reserve_block(desk, "system", NOW)
    opened = up(desk, "system")
    home = run_on_node(desk, "system", RunOptions(profile="", params=("pause_s=0.02",)), opened)
    said = next(word for word in desk.words if word.startswith("system on gpu_p100: "))
    assert "profile=full pause_s=0.02 (" in said
    started = next(word for word in desk.words if "system: started on" in word)
    assert desk.words.index(said) < desk.words.index(started) and home.name == "full"
