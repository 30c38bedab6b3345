"""The plain data of the contract: a command's result, a node at an address, packing."""

from __future__ import annotations

import subprocess

import pytest

from reserve.errors import NodeCommandFailed
from reserve.site import CommandResult, Node, packing


def test_a_command_that_failed_says_so_with_the_end_of_its_words() -> None:
    assert CommandResult(0, "fine").succeeded("node").output == "fine"
    with pytest.raises(NodeCommandFailed, match="a command on node ended with status 3: x+$") as raised:
        CommandResult(3, "start" + "x" * 400).succeeded("node")
    assert (raised.value.status, len(raised.value.output)) == (3, 405)


def test_a_node_at_an_address_is_the_same_node() -> None:
    node = Node("i", "n", "CHI@TACC", "server", "ACTIVE", user="cc")
    assert node.at("1.2.3.4") == Node("i", "n", "CHI@TACC", "server", "ACTIVE", address="1.2.3.4", user="cc")
    assert node.address == ""


def test_a_folder_that_is_not_there_cannot_be_packed(tmp_path) -> None:
    command = packing(str(tmp_path / "a b"))
    done = subprocess.run(["sh", "-c", command], input=b"x\n", capture_output=True)
    assert done.returncode != 0 and b"a b" in done.stderr
