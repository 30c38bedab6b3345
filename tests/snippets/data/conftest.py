"""A mirror to download from."""

from __future__ import annotations

import threading

import pytest

from tests.snippets.data.mirror import Mirror


@pytest.fixture()
def mirror():
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
