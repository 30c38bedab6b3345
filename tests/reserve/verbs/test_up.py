"""`servelab up`: the one URL, and the words that make it reachable."""

from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest

from reserve import hardware
from reserve.errors import SiteError
from reserve.node.attach import OpenNode
from reserve.site import CommandResult, Node
from reserve.sites.ssh import SshMachine
from reserve.verbs import up as module
from reserve.verbs.up import UpOptions, bring_up, with_address

TABLE = hardware.load()
FACTS = '{"port": 8889, "token": "t0ken"}'


def machine(text: str = FACTS, **more: object) -> SimpleNamespace:
    return SimpleNamespace(run=lambda command: CommandResult(0, text), close=lambda: None, name="node", **more)


def opened(site: str = "CHI@TACC", key: str = "gpu_p100", text: str = FACTS) -> OpenNode:
    node = Node("i", "node-x", site, "server", "ACTIVE", address="1.2.3.4", user="cc")
    return OpenNode(None, TABLE[key], None, node, machine(text))  # type: ignore[arg-type]


def test_a_private_url_is_on_the_loopback_with_the_tunnel_that_leads_there(monkeypatch) -> None:
    monkeypatch.delenv("SERVELAB_SSH_PORT", raising=False)
    found = with_address(opened(), public=False)
    assert found.url == "http://127.0.0.1:8889/lab?token=t0ken"
    assert "ssh -N -L 8889:127.0.0.1:8889 cc@1.2.3.4\n" in found.hint and "--tunnel" in found.hint
    monkeypatch.setenv("SERVELAB_SSH_PORT", "2222")
    assert "ssh -N -p 2222 -L" in with_address(opened(), public=False).hint


def test_a_public_url_says_what_it_exposes() -> None:
    found = with_address(opened(), public=True)
    assert found.url == "http://1.2.3.4:8889/lab?token=t0ken"
    assert "PUBLIC: JupyterLab on port 8889" in found.hint and "the whole internet" in found.hint


def test_here_nothing_is_in_the_way_and_a_device_opens_no_port() -> None:
    assert with_address(opened("local"), public=False).hint == ""
    device = with_address(opened(key="raspberrypi5"), public=False)
    assert device.url == "" and "servelab run edge --site chameleon" in device.hint


@pytest.mark.parametrize("text", ["", "{}", '{"port": "x", "token": "t"}'])
def test_an_address_that_jupyter_did_not_leave_is_told(text: str) -> None:
    with pytest.raises(SiteError, match="JupyterLab on node-x left no address. Run `servelab up` again"):
        with_address(opened(text=text), public=False)


def test_the_url_and_the_next_command_are_said(here, monkeypatch) -> None:
    ready = replace(opened("local"), url="http://127.0.0.1:1/lab?token=t")
    monkeypatch.setattr(module, "up", lambda desk, part, options: ready)
    bring_up(here, "model")
    assert here.words == [
        "\nhttp://127.0.0.1:1/lab?token=t",
        "Run the notebooks there: servelab run model --site local",
    ]
    monkeypatch.setattr(module, "up", lambda desk, part, options: replace(opened(), hint="First, ..."))
    bring_up(here, "model")
    assert here.words[-2:] == ["First, ...", "Run the notebooks there: servelab run model --site chameleon"]


def test_a_tunnel_is_open_until_it_is_ended_and_its_own_port_is_told(here, monkeypatch) -> None:
    closed = []
    tunnel = SimpleNamespace(port=9999, close=lambda: closed.append("tunnel"))
    ssh = SshMachine.__new__(SshMachine)
    monkeypatch.setattr(ssh, "tunnel", lambda port: tunnel, raising=False)
    monkeypatch.setattr(ssh, "close", lambda: closed.append("machine"), raising=False)
    ready = replace(opened(), machine=ssh, url="http://127.0.0.1:8889/lab?token=t")
    monkeypatch.setattr(module, "up", lambda desk, part, options: ready)
    ended = threading.Event()
    ended.set()
    bring_up(here, "model", UpOptions(tunnel=True), until=ended)
    assert here.words[0] == "\nhttp://127.0.0.1:9999/lab?token=t" and "Ctrl-C closes it" in here.words[1]
    assert closed == ["tunnel", "machine"]


def test_a_lease_is_what_up_begins_with(here) -> None:
    with pytest.raises(SiteError, match="there is no lease for model"):
        module.up(here, "model")
