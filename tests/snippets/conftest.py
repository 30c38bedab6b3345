"""Fixtures of the tests of snippets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from snippets.triton.server import TritonServer


@pytest.fixture(scope="session")
def triton_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """One embedded Triton for all tests that do it no harm; started when first needed."""
    server = TritonServer("embedded", tmp_path_factory.mktemp("triton"))
    with server:
        yield server
