"""A real Triton: started, changed in place, measured, broken in every way that a lab meets, and never left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from snippets.errors import ServerError, ToolMissing, UsageError
from snippets.load.loops import closed_loop
from snippets.load.options import LoadOptions
from snippets.record.run import open_run
from snippets.triton import launch as triton_launch
from snippets.triton import loads, stats
from snippets.triton import server as triton
from snippets.triton.config import DynamicBatching, InstanceGroup
from snippets.triton.server import TritonServer
from tests.snippets.triton.triton_models import NUMBERS, alive, doubler, until

ROOT = Path(__file__).resolve().parents[3]


def ask(server: TritonServer, model: str = "double", protocol: str = "http") -> np.ndarray:
    sender = loads.target_of(server, model, NUMBERS, protocol).sender()
    try:
        return np.asarray(sender().as_numpy("y"))
    finally:
        sender.close()


def tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def server_process(server: TritonServer) -> psutil.Process:
    assert server.pid is not None
    return next(p for p in tree(server.pid) if p.name() == "tritonserver")


def nobody_listens(ports: list[int]) -> bool:
    return all(socket.socket().connect_ex(("127.0.0.1", port)) != 0 for port in ports)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[TritonServer]:
    """A server that the test may harm."""
    with TritonServer("embedded", tmp_path / "own") as server:
        yield server


@pytest.mark.parametrize("protocol", ["http", "grpc", "grpc-shm"])
def test_a_deployed_model_answers(triton_server: TritonServer, tmp_path: Path, protocol: str) -> None:
    triton_server.deploy(doubler(tmp_path))
    assert ask(triton_server, protocol=protocol).tolist() == [[0, 2, 4, 6]]


def test_shared_memory_is_given_back(triton_server: TritonServer, tmp_path: Path) -> None:
    triton_server.deploy(doubler(tmp_path))

    def regions() -> set[Path]:
        return set(Path("/dev/shm").glob(f"servelab_{os.getpid()}_" + "[0-9a-f]" * 32))

    before = regions()
    sender = loads.target_of(triton_server, "double", NUMBERS, "grpc-shm").sender()
    assert len(regions() - before) == 1
    sender.close()
    assert regions() == before
    # One that the server refuses leaves nothing either.
    with pytest.raises(UsageError, match="complex"):
        loads.target_of(triton_server, "double", {"x": np.zeros((1, 4), dtype=complex)}, "grpc-shm").sender()
    assert regions() == before


def test_a_changed_setting_comes_into_force_in_place_and_an_unchanged_one_costs_nothing(
    triton_server: TritonServer, tmp_path: Path
) -> None:
    first = doubler(tmp_path)
    triton_server.deploy(first)
    process = server_process(triton_server).pid
    assert triton_server.deploy(first) == 0
    changed = doubler(tmp_path, parameters={"factor": "3"}, instances=(InstanceGroup(2),))
    assert triton_server.deploy(changed) > 0
    assert ask(triton_server).tolist() == [[0, 3, 6, 9]]
    assert server_process(triton_server).pid == process
    assert "count: 2" in (triton_server.repository / "double" / "config.pbtxt").read_text()


def test_a_model_that_fails_to_load_says_why_and_harms_nobody(triton_server: TritonServer, tmp_path: Path) -> None:
    triton_server.deploy(doubler(tmp_path))
    with pytest.raises(ServerError, match="the weights are for another network"):
        triton_server.deploy(doubler(tmp_path, "broken", parameters={"fail": "yes"}))
    assert ask(triton_server).tolist() == [[0, 2, 4, 6]]
    triton_server.deploy(doubler(tmp_path, "broken"))
    assert triton_server.ready("broken")


def test_a_change_that_fails_leaves_the_working_version_in_service(triton_server: TritonServer, tmp_path: Path) -> None:
    triton_server.deploy(doubler(tmp_path))
    with pytest.raises(ServerError, match="could not load the model `double`"):
        triton_server.deploy(doubler(tmp_path, parameters={"fail": "yes"}))
    assert ask(triton_server).tolist() == [[0, 2, 4, 6]]


def test_an_unloaded_model_is_gone_until_it_is_deployed_again(triton_server: TritonServer, tmp_path: Path) -> None:
    triton_server.deploy(doubler(tmp_path))
    triton_server.unload("double")
    assert not triton_server.ready("double")
    assert triton_server.deploy(doubler(tmp_path)) > 0
    assert triton_server.ready("double")


def test_only_keeps_exactly_the_named_models(triton_server: TritonServer, tmp_path: Path) -> None:
    triton_server.only(doubler(tmp_path, "a"), doubler(tmp_path, "b"))
    triton_server.only(doubler(tmp_path, "b"))
    assert triton_server.ready("b") and not triton_server.ready("a")


def test_statistics_count_every_request_and_the_batches_add_up(triton_server: TritonServer, tmp_path: Path) -> None:
    slow = doubler(tmp_path, parameters={"ms": "10"}, batching=DynamicBatching())
    triton_server.deploy(slow)
    before = triton_server.statistics("double")
    closed_loop(loads.target_of(triton_server, "double", NUMBERS), 8, 0.5, warm_up_s=0)
    seen = triton_server.statistics("double") - before
    assert seen.requests == seen.inferences > 8
    assert sum(size * runs for size, runs in seen.batches.items()) == seen.inferences
    assert sum(seen.batches.values()) == seen.executions < seen.requests
    assert max(seen.batches) > 1
    assert seen.mean_ms("compute_infer") >= 10


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        free = triton_launch.free_ports()
        with pytest.raises(ServerError, match=f"http port {port} is taken"):
            TritonServer(ports=replace(free, http=port)).start()


def test_a_port_taken_after_the_check_ends_in_the_logs_reason(
    triton_server: TritonServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert triton_server.ports is not None
    monkeypatch.setattr(triton_launch, "check_ports", lambda ports: None)
    # Answering there is another server: only the grpc and metrics ports are free.
    ports = replace(triton_launch.free_ports(), grpc=triton_server.ports.grpc)
    server = TritonServer("embedded", tmp_path / "second", ports=ports)
    with pytest.raises(ServerError, match=f"(?s)has stopped.*{ports.grpc}"):
        server.start()
    assert server.pid is None


def test_a_missing_wheel_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match=r"pip install .*nvidia-pytriton"):
        triton.start()


def test_a_missing_binary_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Spec:
        submodule_search_locations = [str(tmp_path)]

    monkeypatch.setattr("importlib.util.find_spec", lambda name: Spec)
    with pytest.raises(ToolMissing, match=f"{tmp_path}.*missing"):
        triton.start()


@pytest.mark.parametrize("how", ["", "embeded", "url:", "container:latest"])
def test_an_unknown_way_to_start_is_refused(how: str) -> None:
    with pytest.raises(UsageError, match="embedded, container or url"):
        TritonServer(how)


def test_an_address_where_nobody_answers_is_named() -> None:
    port = triton_launch.free_ports().http
    with pytest.raises(ServerError, match=f"No Triton answers at 127.0.0.1:{port}"):
        triton.start(f"url:http://127.0.0.1:{port}")


def test_a_server_reached_by_url_is_reconfigured_but_not_stopped(triton_server: TritonServer, tmp_path: Path) -> None:
    triton_server.deploy(doubler(tmp_path))
    with triton.start(f"url:http://{triton_server.url}") as guest:
        guest.deploy(doubler(tmp_path, parameters={"factor": "5"}))
        assert ask(guest).tolist() == [[0, 5, 10, 15]]
    assert triton_server.running
    triton_server.forget()  # the guest changed it behind this object's back


def test_a_server_reached_by_url_gets_new_models_where_its_repository_is_in_reach(
    triton_server: TritonServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(triton.REPOSITORY_VARIABLE, str(triton_server.repository))
    with triton.start(f"url:http://{triton_server.url}") as guest:
        guest.deploy(doubler(tmp_path, "by_url", parameters={"factor": "7"}))
        assert ask(guest, "by_url").tolist() == [[0, 7, 14, 21]]


def test_the_image_is_the_one_that_the_containers_are_pinned_to() -> None:
    pins = tomllib.loads((ROOT / "reserve" / "containers" / "pins.toml").read_text())
    assert pins["image"]["TRITON_IMAGE"]["name"] == triton_launch.IMAGE


def test_a_server_killed_in_mid_load_fails_the_step_with_the_count_and_the_next_run_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = TritonServer("embedded", tmp_path / "own")
    deployment = doubler(tmp_path, parameters={"ms": "5"})

    def measure() -> dict:
        server.deploy(deployment)
        return loads.put_under_load(server, "double", NUMBERS, LoadOptions(clients=4, seconds=1.0, timeout_s=2))

    def killed_as_the_window_opens() -> dict:
        server.deploy(deployment)
        readings = iter([server_process(server).kill, lambda: None])

        def statistics(name: str) -> stats.Statistics:
            next(readings)()
            return stats.Statistics()

        with monkeypatch.context() as patch:
            patch.setattr(server, "statistics", statistics)
            return measure()

    run = open_run("system", runs=tmp_path / "runs")
    with pytest.raises(ServerError, match=r"(?s)[1-9]\d* of \d+ requests to `double` failed.*killed by signal 9"):
        run.step("triton/double/load", killed_as_the_window_opens, inputs={})
    assert not run.has("triton/double/load")
    result = run.step("triton/double/load", measure, inputs={})
    server.stop()
    assert result["failures"] == 0 and len(result["latency_ms"]) > 10


def test_a_client_that_hangs_blocks_neither_the_others_nor_the_end(own_server: TritonServer, tmp_path: Path) -> None:
    own_server.deploy(doubler(tmp_path))
    host, port = own_server.url.split(":")
    with socket.create_connection((host, int(port))) as hanging:
        hanging.sendall(b"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert ask(own_server).tolist() == [[0, 2, 4, 6]]
        processes = tree(own_server.pid or 0)
        own_server.stop()
    assert not any(map(alive, processes))


def test_stopping_leaves_no_process_port_or_shared_memory(own_server: TritonServer, tmp_path: Path) -> None:
    own_server.deploy(doubler(tmp_path, instances=(InstanceGroup(2),)))
    processes, ports = tree(own_server.pid or 0), list(vars(own_server.ports).values())
    assert len(processes) >= 4
    own_server.stop()
    assert not any(map(alive, processes))
    assert nobody_listens(ports)
    assert not list(Path("/dev/shm").glob(f"servelab_{os.getpid()}_{ports[0]}_*"))


@pytest.mark.parametrize(
    ("number", "victim"),
    [(signal.SIGINT, "owner"), (signal.SIGKILL, "owner"), (signal.SIGKILL, "watch")],
    ids=["Ctrl-C", "kernel killed", "watcher killed"],
)
def test_however_the_owner_ends_nothing_is_left_behind(tmp_path: Path, number: signal.Signals, victim: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-m", "tests.snippets.triton.triton_owner", tmp_path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert owner.stdout is not None
        facts = json.loads(owner.stdout.readline())
        processes = tree(facts["watch"])
        assert any(p.name() == "tritonserver" for p in processes)
        os.kill(owner.pid if victim == "owner" else facts["watch"], number)
        assert until(lambda: not any(map(alive, processes)))
        assert until(lambda: nobody_listens(facts["ports"]))
    finally:
        owner.kill()
        owner.communicate()
    # A killed watcher cannot tidy up after itself; everything else must.
    if victim == "owner":
        assert not list(Path("/dev/shm").glob(f"servelab_{owner.pid}_*"))
    for region in Path("/dev/shm").glob(f"servelab_{owner.pid}_*"):
        region.unlink()


def test_the_container_is_started_served_from_and_removed_through_docker(
    tmp_path: Path, fake_docker: Callable[[], list[list[str]]]
) -> None:
    with triton.start("container", tmp_path / "own") as server:
        server.deploy(doubler(tmp_path))
        assert ask(server).tolist() == [[0, 2, 4, 6]]
        name = f"servelab-triton-{os.getpid()}-{server.ports.http}"  # type: ignore[union-attr]
    told = fake_docker()
    assert told[0][0] == "run" and f"--name={name}" in told[0]
    assert told[-1] == ["rm", "--force", name]


def test_without_docker_the_container_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ToolMissing, match="docker.*embedded"):
        triton.start("container", tmp_path)
