"""The warm process: it has imported what notebooks need, and forks an ordinary IPython kernel for each.

    python -P -m grading.kernels.forkserver FD

FD is a connected Unix stream socket. Each line that comes in is JSON, `{"argv": [...], "env": {...}, "cwd": "..."}`,
and is answered with `{"pid": n}` or `{"error": text}`; when a kernel has ended, `{"ended": n, "code": c}` goes out, c
as in subprocess. When the other side closes the socket, all kernels are killed. No notebook's code ever runs in this
process, and none of its state changes between two forks: so every kernel starts out the same. It has one thread, and
imports nothing that starts more (as PyTorch and OpenVINO do): threads do not survive a fork.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import Any

PRELOADED = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.core.magics",
    "matplotlib_inline.config",
    "psutil",
    "storemagic",
    "IPython.extensions.storemagic",
    "grading.checks.part",
    "grading.checks.model",
    "grading.checks.edge",
    "grading.checks.system",
    "grading.questions",
    "grading.submission.screenshots",
    "numpy",
    "PIL.Image",
    "snippets.record.run",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "tqdm.auto",
    "onnx",
    "onnxruntime",
    "snippets.engine.compiling",
    "snippets.decide.cost",
    "snippets.draw.graph_picture",
    "snippets.quantize.int8",
    "snippets.draw.model_charts",
    "snippets.engine.source",
    "snippets.decide.targets",
)


def preload() -> None:
    """Import what cells and the kernel need; what is missing here, a kernel misses by itself."""
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # the collector then leaves these pages alone, so that kernels keep sharing them


def reap(link: socket.socket, running: set[int]) -> None:
    """Tell of every kernel that has ended."""
    for pid in sorted(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            running.discard(pid)
            link.sendall(json.dumps({"ended": pid, "code": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


def fork(link: socket.socket, running: set[int], close: tuple[int, ...]) -> bool:
    """Fork a kernel and answer with its pid; True in the kernel."""
    ready, told = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:
        link.sendall(json.dumps({"error": f"no kernel could be forked: {error}"}).encode() + b"\n")
        pid = -1
    if pid == 0:
        os.setsid()  # interrupts and kills go to the kernel's own process group, as with an ordinary kernel
        for descriptor in (ready, told, *close):
            os.close(descriptor)
        return True
    os.close(told)
    if pid > 0:
        os.read(ready, 1)  # ends once the kernel has its own group (or is dead)
        running.add(pid)
        link.sendall(json.dumps({"pid": pid}).encode() + b"\n")
    os.close(ready)
    return False


def serve(link: socket.socket) -> dict[str, Any] | None:
    """Fork a kernel for each request until the socket is closed. Returns None then, and in a kernel its request."""
    wake_in, wake_out = os.pipe()
    for end in (wake_in, wake_out):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake_out, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever holds the socket
    running: set[int] = set()
    kept = b""
    while True:
        readable, _, _ = select.select([link.fileno(), wake_in], [], [])
        if wake_in in readable:
            os.read(wake_in, 4096)
            reap(link, running)
        if link.fileno() not in readable:
            continue
        data = link.recv(1 << 20)
        if not data:
            break
        *lines, kept = (kept + data).split(b"\n")
        for line in lines:
            if fork(link, running, (link.fileno(), wake_in, wake_out)):
                signal.set_wakeup_fd(-1)
                return json.loads(line)
    for pid in running:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    return None


def become_kernel(request: dict[str, Any]) -> None:
    """Be the kernel that the request asks for, until it is shut down: as `python -m ipykernel_launcher` would be."""
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = ["ipykernel_launcher", *request["argv"]]
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # its generator was seeded before the fork, the same for every kernel
    from ipykernel.kernelapp import IPKernelApp

    app = IPKernelApp.instance(parent_handle=os.getppid())  # ends with the warm process, whose child it is
    app.initialize(request["argv"])
    try:
        app.start()
    finally:
        # What cells registered for the end is done; taking the interpreter apart, with all that was loaded, is not.
        atexit._run_exitfuncs()
        os._exit(0)


def main() -> None:
    """Entry point; the number of the socket's descriptor is the only argument."""
    link = socket.socket(fileno=int(sys.argv[1]))
    preload()
    request = serve(link)
    if request is not None:
        link.detach()  # closed after the fork
        become_kernel(request)


if __name__ == "__main__":
    main()
