"""Utilization is sampled while something runs, and a server's part is told from the rest."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np

from snippets.machine.host import allowed_cpus
from snippets.machine.utilization import Utilization

# Works until its input closes, in a child of its own: what a server with workers looks like.
WORKER = "import subprocess,sys; subprocess.run([sys.executable, '-c', 'while True: sum(range(1000))'])"


def test_samples_have_one_length_and_ascending_times() -> None:
    with Utilization(every_s=0.02) as seen:
        time.sleep(0.2)
    samples = seen.samples()
    lengths = {len(samples[name]) for name in ("util_s", "util_cpu", "util_server", "util_client", "util_gpu")}
    assert len(lengths) == 1 and lengths.pop() >= 2
    assert (np.diff(samples["util_s"]) > 0).all()
    assert ((samples["util_cpu"] >= 0) & (samples["util_cpu"] <= 100)).all()


def test_a_working_descendant_counts_as_the_server_and_an_idle_process_does_not() -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER], start_new_session=True)
    try:
        with Utilization(worker.pid, every_s=0.1) as busy:
            time.sleep(1.0)
        with Utilization(every_s=0.1) as nobody:
            time.sleep(0.3)
    finally:
        os.killpg(worker.pid, 9)
        worker.wait()
    assert busy.samples()["util_server"].max() > 5
    assert busy.samples()["util_memory_mb"].max() > 1
    assert nobody.samples()["util_server"].max() == 0


def test_the_work_of_this_process_is_the_generators() -> None:
    with Utilization(every_s=0.05) as seen:
        ends = time.process_time() + 0.3
        while time.process_time() < ends:
            sum(range(1000))
    with Utilization(every_s=0.05) as idle:
        time.sleep(0.3)
    worked = seen.samples()
    moments = np.diff(worked["util_s"], prepend=0.0)
    # 0.3 s of one core, less what came after the last look; % of all cores is what the chart shows.
    assert 0.15 < (worked["util_client"] / 100 * moments).sum() * len(allowed_cpus()) < 0.45
    assert idle.samples()["util_client"].mean() < worked["util_client"].mean()


def test_a_server_that_ends_is_no_negative_work() -> None:
    worker = subprocess.Popen([sys.executable, "-c", WORKER], start_new_session=True)
    with Utilization(worker.pid, every_s=0.05) as seen:
        time.sleep(0.3)
        os.killpg(worker.pid, 9)
        worker.wait()
        time.sleep(0.3)
    samples = seen.samples()
    assert (samples["util_server"] >= 0).all() and samples["util_memory_mb"][-1] == 0


def test_only_the_cores_that_this_process_may_use_count() -> None:
    class Psutil:
        cpu_percent = staticmethod(lambda percpu: [90.0, 10.0, 30.0, 100.0])

    assert Utilization._busy(Psutil, [1, 2]) == 20.0
    # With CPUs offline, places in the list are no ids: then all count.
    assert Utilization._busy(Psutil, [2, 5]) == 57.5
