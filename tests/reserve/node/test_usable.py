"""Whether a Python has what a part needs: modules, pinned packages, and Python itself."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy
import pytest

from reserve.node.usable import has_version, lacking


def test_what_is_missing_is_named_in_order() -> None:
    assert lacking(["json", "no_such_module"], {"numpy": "0.0.1", "python": "3.99"}) == [
        "no_such_module",
        "python",
        "numpy",
    ]
    assert lacking(["json"], {"numpy": numpy.__version__}) == []


@pytest.mark.parametrize(("python", "lacks"), [((3, 10), ["python"]), ((3, 11), []), ((4, 0), [])])
def test_python_is_3_11_at_least_unless_a_pin_says_otherwise(python, lacks) -> None:
    assert lacking([], {}, python) == lacks
    assert lacking([], {"python": "3.10"}, python) == []


def test_a_local_part_of_a_version_does_not_count(monkeypatch) -> None:
    monkeypatch.setattr("reserve.node.usable.metadata.version", lambda name: "2.7.1+cu126")
    assert has_version("torch", "2.7.1") and not has_version("torch", "2.7.0")


@pytest.mark.parametrize(("modules", "status", "said"), [(["json"], 0, ""), (["no_such"], 1, "lacks no_such\n")])
def test_on_the_node_it_is_a_command(modules, status, said, root) -> None:
    words = [sys.executable, "-m", "reserve.node.usable", json.dumps(modules), "{}"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (status, said)
