"""How busy the machine is while something runs: CPU and memory (psutil), GPUs (NVML), sampled in a thread."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

import numpy as np

from snippets.machine.gpus import Gpus, Reading
from snippets.machine.host import allowed_cpus

OF_THE_MACHINE = ("util_s", "util_cpu", "util_server", "util_client", "util_memory_mb")
OF_A_GPU = ("util_gpu", "util_gpu_memory_mb", "util_gpu_clock_mhz")


class Utilization:
    """Sample from `with` to its end.

        with Utilization(server_pid=server.pid) as seen:
            ...
        seen.samples()

    `server_pid`: a process whose own and descendants' CPU time is shown apart from the rest. So is the time of the
    process that samples: it generates the load.
    """

    def __init__(self, server_pid: int | None = None, every_s: float = 0.2) -> None:
        self._pid, self._every_s = server_pid, every_s
        self._rows: list[tuple[float, ...]] = []
        self._gpu_rows: list[list[Reading]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.origin = 0.0

    def __enter__(self) -> Utilization:
        self.origin = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def samples(self) -> dict[str, Any]:
        """Arrays over time: util_s [m] since the start, util_cpu [m] (% of all cores that this process may use),
        util_server [m] (% of them taken by the server), util_client [m] (by this process), util_memory_mb [m] (the
        server's resident memory); and of each GPU [m, GPUs] util_gpu (%), util_gpu_memory_mb (in use) and
        util_gpu_clock_mhz (of its multiprocessors)."""
        table = np.array(self._rows, dtype=np.float64).reshape(-1, len(OF_THE_MACHINE))
        readings = [[(one.busy, one.memory_mb, one.clock_mhz) for one in row] for row in self._gpu_rows]
        count = len(readings[0]) if readings else 0
        gpus = np.array(readings, dtype=np.float64).reshape(len(table), count, len(OF_A_GPU))
        return {
            **{name: table[:, i].copy() for i, name in enumerate(OF_THE_MACHINE)},
            **{name: gpus[:, :, i].copy() for i, name in enumerate(OF_A_GPU)},
        }

    def _sample(self) -> None:
        import psutil

        allowed = allowed_cpus()
        with Gpus() as gpus:
            self._busy(psutil, allowed)
            before, server_before, own_before = time.perf_counter(), self._server(psutil)[0], time.process_time()
            while not self._stop.wait(self._every_s):
                now, own = time.perf_counter(), time.process_time()
                server, memory = self._server(psutil)
                # Process by process: one that ended in between must not take its past out of the sum.
                worked_s = sum(cpu_s - server_before.get(pid, 0.0) for pid, cpu_s in server.items())
                of_all = 100 / (now - before) / len(allowed)
                shares = worked_s * of_all, (own - own_before) * of_all
                self._rows.append((now - self.origin, self._busy(psutil, allowed), *shares, memory / 1e6))
                self._gpu_rows.append(gpus.read())
                before, server_before, own_before = now, server, own

    @staticmethod
    def _busy(psutil: Any, allowed: list[int]) -> float:
        """How busy the allowed CPUs were since the last call, % of them all: other CPUs are other people's."""
        each = psutil.cpu_percent(percpu=True)
        # Where CPUs are offline, places in the list are no ids.
        ours = [each[cpu] for cpu in allowed] if allowed[-1] < len(each) else each
        return float(np.mean(ours))

    def _server(self, psutil: Any) -> tuple[dict[int, float], int]:
        """CPU seconds of the server and all its descendants by process id, and their resident bytes."""
        cpu_s: dict[int, float] = {}
        memory = 0
        if self._pid is None:
            return cpu_s, memory
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self._pid)
            for process in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    cpu_s[process.pid] = times.user + times.system
                    memory += process.memory_info().rss
        return cpu_s, memory
