"""A process on a node, its three pipes carried over an SSH session."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import asyncssh

CHUNK = 65_536


class Child:
    """A process with three pipes. Losing the connection closes the pipes and leaves the process to itself."""

    def __init__(self, arguments: list[str], env: dict[str, str], home: Path) -> None:
        self._process = subprocess.Popen(
            arguments,
            env=env,
            cwd=home,
            start_new_session=True,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    async def relay(self, session: asyncssh.SSHServerProcess[bytes]) -> int:
        """Carry bytes until the process has ended and its output is through; its exit code."""
        process = self._process
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        feeding = asyncio.create_task(self._feed(session, process.stdin))
        try:
            await asyncio.gather(
                self._drain(process.stdout, session.stdout), self._drain(process.stderr, session.stderr)
            )
            return await _exit_code(process)
        finally:
            feeding.cancel()
            for pipe in (process.stdin, process.stdout, process.stderr):
                with contextlib.suppress(OSError, ValueError):
                    pipe.close()

    async def _feed(self, session: Any, pipe: Any) -> None:
        while True:
            try:
                data = await session.stdin.read(CHUNK)
            except asyncssh.SignalReceived as received:
                with contextlib.suppress(ProcessLookupError, AttributeError):
                    os.killpg(self._process.pid, getattr(signal, f"SIG{received.signal}"))
                continue
            except asyncssh.BreakReceived:
                continue
            except asyncssh.TerminalSizeChanged:
                continue
            except (asyncssh.Error, OSError):
                data = b""
            if not data:
                break
            try:
                await _write(pipe, data)
            except OSError:
                return
        with contextlib.suppress(OSError):
            pipe.close()

    async def _drain(self, pipe: Any, writer: Any) -> None:
        while data := await _read(pipe):
            try:
                writer.write(data)
                await writer.drain()
            except (OSError, asyncssh.Error):
                return


async def _ready(number: int, add: Any, remove: Any) -> None:
    done = asyncio.get_running_loop().create_future()
    add(number, lambda: None if done.done() else done.set_result(None))
    try:
        await done
    finally:
        remove(number)


async def _read(pipe: Any) -> bytes:
    loop, number = asyncio.get_running_loop(), pipe.fileno()
    await _ready(number, loop.add_reader, loop.remove_reader)
    return os.read(number, CHUNK)


async def _write(pipe: Any, data: bytes) -> None:
    loop, number = asyncio.get_running_loop(), pipe.fileno()
    os.set_blocking(number, False)
    while data:
        await _ready(number, loop.add_writer, loop.remove_writer)
        with contextlib.suppress(BlockingIOError):
            data = data[os.write(number, data) :]


async def _exit_code(process: subprocess.Popen[bytes]) -> int:
    loop = asyncio.get_running_loop()
    number = os.pidfd_open(process.pid)
    try:
        await _ready(number, loop.add_reader, loop.remove_reader)
    finally:
        os.close(number)
    return process.wait()
