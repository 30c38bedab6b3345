"""The copying between a local connection and one on the node."""

from __future__ import annotations

import os
import resource
import socket
import threading
from collections.abc import Iterator

import pytest

from reserve.sites.tunnel import copy_both_ways


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process has so many open files that new ones have numbers above 1,024, where `select` ends."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(limits[0], min(4096, limits[1])), limits[1]))
    opened = [os.open(os.devnull, os.O_RDONLY)]
    while opened[-1] < 1100:
        opened.append(os.open(os.devnull, os.O_RDONLY))
    yield
    for number in opened:
        os.close(number)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.usefixtures("many_files")
def test_bytes_pass_both_ways_until_one_side_closes() -> None:
    near, here = socket.socketpair()
    there, far = socket.socketpair()
    assert there.fileno() > 1024
    copier = threading.Thread(target=copy_both_ways, args=(here, there))
    copier.start()
    for end in (near, far):
        end.settimeout(10)
    near.sendall(b"question")
    assert far.recv(100) == b"question"
    far.sendall(b"answer" * 20_000)
    received = b""
    while len(received) < 120_000:
        received += near.recv(65536)
    assert received == b"answer" * 20_000
    far.close()
    copier.join(10)
    assert not copier.is_alive()
    for end in (near, here, there):
        end.close()
