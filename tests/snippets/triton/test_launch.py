"""The command line of a Triton server says exactly what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.errors import UsageError
from snippets.triton import launch as triton_launch


def test_the_container_command_is_exact(tmp_path: Path, fake_docker: object) -> None:
    launch = triton_launch.container(tmp_path, triton_launch.Ports(1, 2, 3), gpus="device=0")
    docker, *arguments = launch.command
    assert Path(docker).name == "docker"
    image = arguments.index(triton_launch.IMAGE)
    assert {"run", "--rm", "--init", "--gpus=device=0", f"--volume={tmp_path}:/models:ro"} <= set(arguments[:image])
    assert [a for a in arguments if a.startswith("--publish=")] == [
        "--publish=127.0.0.1:1:8000",
        "--publish=127.0.0.1:2:8001",
        "--publish=127.0.0.1:3:8002",
    ]
    inside = arguments[image + 1 :]
    assert inside[0] == "tritonserver" and "--model-repository=/models" in inside
    assert "--model-control-mode=explicit" in inside and "--http-port=8000" in inside


def test_an_image_without_a_tag_is_refused(tmp_path: Path, fake_docker: object) -> None:
    with pytest.raises(UsageError, match="no tag"):
        triton_launch.container(tmp_path, triton_launch.Ports(1, 2, 3), image="tritonserver")


def test_ports_are_three_different_ones_that_are_free() -> None:
    ports = triton_launch.free_ports()
    assert len({ports.http, ports.grpc, ports.metrics}) == 3
    triton_launch.check_ports(ports)


def test_the_rate_limiter_is_on_only_where_it_is_asked_for() -> None:
    ports = triton_launch.Ports(1, 2, 3)
    on, off = (triton_launch.server_arguments("/models", "127.0.0.1", ports, limit) for limit in (True, False))
    assert set(on) - set(off) == {"--rate-limit=execution_count"}
    assert {"--http-port=1", "--grpc-port=2", "--metrics-port=3", "--model-control-mode=explicit"} <= set(off)


def test_a_watched_server_gets_its_variables_and_its_watcher_the_clean_up(tmp_path: Path) -> None:
    launch = triton_launch.Launch(("server", "--x"), {"B": "2", "A": "1"}, "prefix_", ("docker", "rm", "name"))
    command = triton_launch.watched(launch, tmp_path / "log")
    assert command[-5:] == ["env", "A=1", "B=2", "server", "--x"]
    assert command[4:6] == ["prefix_", '["docker", "rm", "name"]'] and command[3] == str(tmp_path / "log")
