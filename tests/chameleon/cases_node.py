"""Faults of the node and of the way to it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from .cases import LOST, SHORT_S, case, striking
from .emulator import Emulator
from .student import Student, until


def ssh(student: Student, command: str, **options: Any) -> asyncssh.SSHCompletedProcess:
    return student.ssh(student.home, command, **options)


def whole(done: asyncssh.SSHCompletedProcess) -> None:
    """asyncssh gives a command whose connection broke no exit status."""
    if done.exit_status is None:
        raise asyncssh.ConnectionLost("no exit status")


@case("server-never-reachable")
def port_stays_closed(emulator: Emulator, student: Student) -> None:
    address = student.address(student.server()["id"])
    emulator.clock.advance(hours=1)
    with pytest.raises(ConnectionRefusedError):
        student.ssh(address, "true")


@case("ssh-refused", "ssh-drop-at-banner", "ssh-drop-at-auth", "ssh-drop-before-command", "ssh-drop-after-command")
def the_session_is_lost(emulator: Emulator, student: Student) -> None:
    name, witness = striking(emulator), node_home(emulator) / "witness"
    emulator.faults.on(name, times=1)
    with pytest.raises(LOST):
        whole(ssh(student, "touch witness", timeout_s=5))
    assert witness.exists() == (name == "ssh-drop-after-command")
    assert ssh(student, "echo again").stdout == "again\n"


def node_home(emulator: Emulator) -> Path:
    return next(iter(emulator.nodes.hosts.values())).node.home


@case("ssh-no-banner")
def no_banner_comes(emulator: Emulator, student: Student) -> None:
    with pytest.raises(LOST):
        ssh(student, "true", connect_timeout=SHORT_S)


@case("keypair-mismatch")
def key_is_refused(emulator: Emulator, student: Student) -> None:
    with pytest.raises(asyncssh.PermissionDenied):
        ssh(student, "true")


@case("ssh-host-key-changed")
def host_key_is_another(emulator: Emulator, student: Student) -> None:
    def key() -> Any:
        found = asyncio.run(asyncssh.get_server_host_key(student.home, emulator.ssh_port, config=None))
        assert found is not None
        return found.public_data

    changed = key()
    emulator.faults.off()
    assert key() != changed


@case("ssh-drop-mid-command", "node-reboots")
def the_command_is_cut_off(emulator: Emulator, student: Student) -> None:
    name = striking(emulator)
    emulator.faults.on(name, times=1, match="sleep", seconds=0.1)
    assert ssh(student, "echo not this one").stdout == "not this one\n"
    with pytest.raises(LOST):
        whole(ssh(student, "echo begun > begun; sleep 30", timeout_s=5))
    assert ssh(student, "cat begun").stdout == "begun\n"


@case("ssh-session-hangs")
def no_answer_to_a_command(emulator: Emulator, student: Student) -> None:
    with pytest.raises(LOST):
        ssh(student, "true", timeout_s=SHORT_S)


@case("lease-ended-mid-run")
def the_lease_ends_under_a_command(emulator: Emulator, student: Student) -> None:
    student.home = student.node()
    emulator.faults.on("lease-ended-mid-run", times=1, match="sleep", seconds=0.05)
    with pytest.raises(LOST):
        whole(ssh(student, "sleep 30", timeout_s=5))
    held = until(lambda: (now := emulator.inventory())["leases"] == now["servers"] == [] and now)
    assert held["leases"] == []
    with pytest.raises(OSError):
        ssh(student, "true")


@case("ssh-drop-in-upload", "ssh-drop-in-download")
def a_transfer_breaks(emulator: Emulator, student: Student) -> None:
    (node_home(emulator) / "big").write_bytes(b"x" * 500_000)
    local = emulator.folder / "local"
    local.write_bytes(b"x" * 500_000)

    async def go() -> None:
        async with student.connect(student.home) as connection:
            async with connection.start_sftp_client() as sftp:
                if striking(emulator).endswith("upload"):
                    await sftp.put(local, "up")
                else:
                    await sftp.get("big", local)

    with pytest.raises(LOST):
        asyncio.run(asyncio.wait_for(go(), 5))


@case("tunnel-refused")
def no_tunnel(emulator: Emulator, student: Student) -> None:
    async def go() -> None:
        async with student.connect(student.home) as connection:
            await connection.open_connection("127.0.0.1", 9)

    with pytest.raises(asyncssh.ChannelOpenError, match="prohibited|denied|refused|failed|rejected"):
        asyncio.run(go())


@case("node-command-fails")
def command_fails(emulator: Emulator, student: Student) -> None:
    emulator.faults.on("node-command-fails", times=1, match="pip install", code=7, text="no matching distribution")
    assert ssh(student, "echo fine").exit_status == 0
    done = ssh(student, "pip install nothing")
    assert (done.exit_status, done.stderr) == (7, "no matching distribution\n")


@case("node-disk-full")
def disk_is_full(emulator: Emulator, student: Student) -> None:
    done = ssh(student, "df -k / | tail -1; tar cf x.tar /dev/null; git-receive-pack x; sudo apt-get install -y tree")
    assert " 0 100% /" in str(done.stdout)
    assert str(done.stderr).count("No space left on device") == 2 and "enough free space" in str(done.stderr)

    async def go() -> None:
        async with student.connect(student.home) as connection:
            async with connection.start_sftp_client() as sftp, sftp.open("file", "wb") as file:
                await file.write(b"x")

    with pytest.raises(asyncssh.SFTPError, match="No space left"):
        asyncio.run(go())


FAILING = {
    "node-no-internet": ("curl -fsSL https://example.org/x", 6, "Could not resolve host"),
    "sudo-asks-password": ("sudo -n true", 1, "a password is required"),
    "apt-locked": ("sudo apt-get install -y tree", 100, "Could not get lock"),
    "apt-locked-on-first-boot": ("sudo apt-get install -y tree", 100, "Could not get lock"),
    "cloud-init-fails": ("cloud-init status --wait", 1, "status: error"),
    "firewall-off": ("sudo firewall-cmd --state", 252, "not running"),
    "firewall-refuses": ("sudo firewall-cmd --add-port=8888/tcp", 13, "COMMAND_FAILED"),
    "browser-install-fails": ("playwright install --with-deps chromium", 1, "ETIMEDOUT"),
    "docker-script-down": ("curl -fsSL https://get.docker.com", 22, "error: 504"),
    "toolkit-mirror-down": ("curl -fsSL https://nvidia.github.io/x", 22, "error: 503"),
    "container-loses-gpu": ("docker run --gpus all image nvidia-smi", 255, "Failed to initialize NVML"),
    "apt-no-network": ("sudo apt-get update", 100, "Temporary failure resolving"),
    "docker-install-fails": ("sudo apt-get install -y docker-ce", 100, "502  Bad Gateway"),
    "docker-daemon-down": ("docker ps", 1, "Cannot connect to the Docker daemon"),
    "docker-pull-fails": ("docker pull x", 1, "toomanyrequests"),
    "docker-build-fails": ("docker build -t x .", 1, "did not complete successfully"),
    "service-fails": ("sudo systemctl start docker", 1, "Job for docker.service failed"),
    "gpu-driver-missing": ("nvidia-smi", 9, "couldn't communicate with the NVIDIA driver"),
}


@case(*FAILING)
def a_program_fails_once_and_then_works(emulator: Emulator, student: Student) -> None:
    name = striking(emulator)
    command, code, message = FAILING[name]
    if command.startswith("docker "):
        emulator.faults.off()
        ssh(student, "sudo apt-get install -y docker-ce")
    emulator.faults.on(name, times=1)
    done = ssh(student, f"{command}; echo $?; {command} > /dev/null; echo $?")
    assert str(done.stdout).splitlines()[-2:] == [str(code), "0"]
    assert message in str(done.stdout) + str(done.stderr)
    until(lambda: emulator.faults.hits[name] == 1)
    assert not emulator.faults.is_on(name)


@case("gpu-missing")
def no_gpu_is_seen(emulator: Emulator, student: Student) -> None:
    done = ssh(student, "nvidia-smi --query-gpu=name --format=csv,noheader")
    assert (done.exit_status, done.stdout) == (6, "No devices were found\n")


@case("node-clock-skew")
def the_nodes_date_is_wrong(emulator: Emulator, student: Student) -> None:
    ahead_s = int(str(ssh(student, "date +%s").stdout)) - int(str(ssh(student, "/bin/date +%s").stdout))
    assert 7100 < ahead_s < 7300


@case("kernel-dies-on-node")
def the_kernel_is_killed(emulator: Emulator, student: Student) -> None:
    done = ssh(student, "python3 -c 'import time; time.sleep(30)' ipykernel_launcher; echo $?")
    assert done.stdout == "137\n"
