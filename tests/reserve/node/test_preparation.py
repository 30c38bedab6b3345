"""What makes a node of the kit: which tasks for which hardware, and that their programs do what they say."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from reserve import hardware
from reserve.clock import Clock
from reserve.node.checkout import Tree, pack
from reserve.node.preparation import ALONE, data, environment, repository, tasks_for
from reserve.node.provision import provision
from reserve.node.shell import program
from reserve.sites.local import LocalMachine, on_this_machine

TABLE = hardware.load()
TREE = Tree("digest", "commit", b"")
DOCKER = ["docker", "nvidia-toolkit", "image:triton"]
TENSORRT = "package:tensorrt-cu12-libs==10.9.0.34"
FRESH = ["repository", "calm", "venv", "compiler"]
GPU = [*FRESH, *DOCKER, "environment", "data", "jupyter", "browser"]
P100 = replace(TABLE["gpu_p100"], images=("triton",))


@pytest.mark.parametrize(
    ("asked", "public", "names"),
    [
        (P100, False, GPU),
        (replace(P100, expected={}), False, [name for name in GPU if name != "nvidia-toolkit"]),
        (TABLE["gpu_p100"], False, [name for name in GPU if name not in DOCKER]),
        (TABLE["compute_liqid"], False, [*FRESH, "environment", TENSORRT, "data", "jupyter"]),
        (TABLE["raspberrypi5"], False, ["repository", "venv", "environment"]),
        (TABLE["raspberrypi5"], True, ["repository", "venv", "environment", "jupyter"]),
        (on_this_machine(TABLE["compute_liqid"]), False, ["repository", "environment", "data", "jupyter"]),
    ],
    ids=["node with docker", "without gpu", "system node", "model node", "device", "public device", "this machine"],
)
def test_each_kind_of_hardware_has_its_tasks_in_order(asked, public, names, root) -> None:
    assert [task.name for task in tasks_for(asked, TREE, root, public=public)] == names


@pytest.fixture
def machine(tmp_path: Path) -> LocalMachine:
    return LocalMachine("node", tmp_path / "home")


def prepared(machine: LocalMachine, *tasks) -> list[str]:
    return provision(machine, tasks, Clock(), lambda text: None)


def test_a_new_checkout_replaces_the_files_of_the_old_and_keeps_what_was_made_there(machine, tmp_path) -> None:
    kit = tmp_path / "kit"
    (kit / "reserve").mkdir(parents=True)
    (kit / "README.md").write_text("1")
    assert prepared(machine, repository(pack(kit))) == ["repository"]
    assert prepared(machine, repository(pack(kit))) == []
    there = Path(machine.home) / "servelab"
    (there / "made.txt").write_text("on the node")
    (kit / "README.md").unlink()
    (kit / "reserve/new file.py").write_text("2")
    assert prepared(machine, repository(pack(kit))) == ["repository"]
    names = {str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()}
    assert {name for name in names if name[0] != "."} == {"reserve/new file.py", "made.txt"}
    assert oct((Path(machine.home) / ".servelab").stat().st_mode)[-3:] == "700"


@pytest.fixture
def with_kit(machine, root) -> LocalMachine:
    """A machine with this checkout and this Python."""
    home = Path(machine.home)
    (home / ".servelab").mkdir()
    (home / "servelab").mkdir()
    for name in ("reserve", "snippets"):
        (home / "servelab" / name).symlink_to(root / name)
    (home / "servelab" / ".servelab-tree").write_text("0123456789abcdef commit\n")
    return machine


def check(machine: LocalMachine, modules: list[str], pins: dict[str, str]) -> int:
    needs = (json.dumps(modules), json.dumps(pins))
    return machine.run(
        f"if ( {program('environment_check', arguments=needs)}\n); then exit 0; else exit 1; fi", check=False
    ).status


def test_a_python_that_was_there_before_needs_the_modules_and_not_the_pins(with_kit) -> None:
    chosen = Path(with_kit.home) / ".servelab" / "python"
    assert check(with_kit, ["json"], {}) == 1
    chosen.write_text(sys.executable)
    assert check(with_kit, ["json"], {"numpy": "0.0.1"}) == 0
    assert check(with_kit, ["json", "no_such_module"], {}) == 1
    chosen.write_text("/another/python")
    assert check(with_kit, ["json"], {}) == 1


def test_such_a_python_is_taken_as_it_is(with_kit) -> None:
    task = environment(TABLE["gpu_p100"])
    assert isinstance(task.apply, str)
    with_kit.run(task.apply)
    assert (Path(with_kit.home) / ".servelab" / "python").read_text() == sys.executable + "\n"


def test_a_fresh_environment_installs_the_parts_extra_and_what_goes_alone(with_kit, tmp_path, monkeypatch) -> None:
    """A stand-in for python3 makes an environment whose Python writes down what it is called with."""
    home = Path(with_kit.home)
    (home / "servelab" / "constraints.txt").write_text(
        "torch==1\nnumpy==2.2.6\nNVIDIA-cublas==1\ntriton==3\ntritonclient==2.73.0\n"
    )
    stand_in = tmp_path / "bin" / "python3"
    stand_in.parent.mkdir()
    stand_in.write_text(
        "#!/bin/sh\nmkdir -p .venv/bin\nprintf '#!/bin/sh\\necho \"$*\" >>~/calls\\n' >.venv/bin/python\n"
        "chmod +x .venv/bin/python\n"
    )
    stand_in.chmod(0o755)
    task = environment(TABLE["gpu_p100"])
    command = f"export PATH={stand_in.parent}:$PATH SERVELAB_NODE_PYTHON=\n{task.apply}"
    with_kit.run(command)
    calls = (home / "calls").read_text().splitlines()
    uv = f"-m uv pip install --no-progress --compile-bytecode --python {home}/servelab/.venv/bin/python"
    pins = f"-c {home}/.servelab/constraints.txt"
    assert [call.split(" off ")[-1] for call in calls] == [
        "-q -U pip",
        f"-q {pins} uv",
        f"{uv} {pins} -e .[p100]",
        f"{uv} -q --no-deps {ALONE['system'][0]}",
    ]
    assert (home / ".servelab" / "constraints.txt").read_text() == "numpy==2.2.6\ntritonclient==2.73.0\n"
    assert (home / ".servelab" / "python").read_text() == f"{home}/servelab/.venv/bin/python\n"


def test_where_uv_does_not_get_through_pip_does_the_same(with_kit, tmp_path) -> None:
    home = Path(with_kit.home)
    (home / "servelab" / "constraints.txt").write_text("numpy==2.2.6\n")
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "python3"
    python = '#!/bin/sh\\necho "$*" >>~/calls\\ncase "$*" in *"-m uv"*) exit 2 ;; esac\\n'
    stand_in.write_text(
        f"#!/bin/sh\nmkdir -p .venv/bin\nprintf '{python}' >.venv/bin/python\nchmod +x .venv/bin/python\n"
    )
    stand_in.chmod(0o755)
    with_kit.run(f"export PATH={stand_in.parent}:$PATH SERVELAB_NODE_PYTHON=\n{environment(TABLE['gpu_h100']).apply}")
    calls = (home / "calls").read_text().splitlines()
    assert "-m uv pip install" in calls[-2] and "-m pip install" in calls[-1]
    assert calls[-2].split(" -c ")[1] == calls[-1].split(" -c ")[1] == f"{home}/.servelab/constraints.txt -e .[a100]"


def test_what_takes_long_begins_on_a_node_of_the_courses_only_and_apt_is_used_by_one_at_a_time(root) -> None:
    by_name = {task.name: task for task in tasks_for(P100, TREE, root)}

    def needs(name: str) -> set[str]:
        found = {other for other in by_name[name].after if other in by_name or other == "look"}
        return found.union(*(needs(other) for other in found if other != "look"))

    assert {name for name in by_name if "look" not in needs(name)} == {"repository", "calm"}
    assert {name for name, task in by_name.items() if task.holds == "apt"} == {
        "venv",
        "compiler",
        "docker",
        "nvidia-toolkit",
        "browser",
    }
    assert "image:triton" not in needs("environment") and "environment" not in needs("image:triton")
    assert {"docker", "environment"} <= needs("jupyter")


def test_data_is_prepared_once_for_each_checkout(with_kit) -> None:
    home = Path(with_kit.home)
    (home / "servelab" / "snippets").unlink()
    (home / "servelab" / "snippets" / "data").mkdir(parents=True)
    for name in ("snippets/__init__.py", "snippets/data/__init__.py"):
        (home / "servelab" / name).write_text("")
    (home / "servelab" / "snippets" / "data" / "datasets.py").write_text(
        "from types import SimpleNamespace\ndef dataset(name): return SimpleNamespace(fingerprint=f'print of {name}')\n"
    )
    (home / ".servelab" / "python").write_text(sys.executable)
    assert prepared(with_kit, data("rehearsal")) == ["data"]
    assert (home / ".servelab" / "data-rehearsal-0123456789ab").read_text() == "print of rehearsal\n"
    assert prepared(with_kit, data("rehearsal")) == []
    (home / "servelab" / ".servelab-tree").write_text("fedcba9876543210 commit\n")
    assert prepared(with_kit, data("rehearsal")) == ["data"]


def test_without_a_chosen_python_nothing_that_needs_one_runs(machine) -> None:
    assert machine.run(program("python") + "\necho ran", check=False).status == 12
