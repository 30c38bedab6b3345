"""From a lease to a collected run and back, on emulated nodes where everything really runs."""

from __future__ import annotations

import urllib.request

from reserve.run.options import DEFAULTS
from reserve.verbs.down import down
from reserve.verbs.run import run_on_node
from reserve.verbs.status import status
from reserve.verbs.up import up
from snippets.record.run import load_record
from tests.reserve.scenario import reserved


def test_a_node_is_reserved_prepared_used_and_given_back(desk, chameleon):
    reserved(desk)
    ready = up(desk, "system")
    assert ready.machine.connections == 1
    tunnel = ready.machine.tunnel(int(ready.url.split(":")[2].split("/")[0]))
    try:
        token = ready.url.split("token=")[1]
        address = f"http://127.0.0.1:{tunnel.port}/api/status?token={token}"
        assert urllib.request.urlopen(address, timeout=10).status == 200
    finally:
        tunnel.close()
    desk.words.clear()
    again = up(desk, "system")
    assert any("nothing was left to do" in line for line in desk.words)
    assert again.machine.connections == 1
    home = run_on_node(desk, "system", DEFAULTS, again)
    record = load_record(home)
    assert len(record.steps) == 4 and not record.verify()
    assert record.lease["name"] == "serve_system_ab123"
    assert "4 steps" in status(desk)
    ready.machine.close()
    down(desk, "system")
    chameleon.assert_empty()
    assert desk.journal.open_entries() == []
