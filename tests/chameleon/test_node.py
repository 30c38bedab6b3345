"""The SSH node: sign-in, commands that really run, files, tunnels, stand-ins, and what outlives a connection."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

from .emulator import Emulator
from .student import SERVER, Student, until


@dataclass
class Machine:
    emulator: Emulator
    student: Student
    address: str

    def run(self, command: str) -> asyncssh.SSHCompletedProcess:
        return self.student.ssh(self.address, command)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with Emulator(node_env={"COURSE": "serve"}) as emulator:
        student = Student(emulator)
        yield Machine(emulator, student, student.node())


def test_a_command_runs_in_the_home_directory_with_its_own_environment(machine: Machine) -> None:
    done = machine.run('pwd; echo "$USER $COURSE ${OS_PASSWORD:-none}"; echo bad >&2; exit 3')
    home = machine.emulator.nodes.of(SERVER).home
    assert done.stdout == f"{home}\ncc serve none\n"
    assert (done.stderr, done.exit_status) == ("bad\n", 3)


def test_a_stand_in_takes_the_seconds_that_it_is_given(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "takes").write_text("0.4 install -y slow\n0 install\n")

    def seconds(package: str, takes: str) -> float:
        done = machine.run(f"export CHAMELEON_TAKES={takes}; time -p apt-get install -y {package}")
        return float(done.stderr.split()[1])

    assert seconds("slow", str(tmp_path / "takes")) >= 0.4
    assert "Setting up fast" in machine.run(f"CHAMELEON_TAKES={tmp_path}/takes apt-get install -y fast").stdout
    assert "install -y slow" in "".join(machine.emulator.nodes.of(SERVER).calls())


def test_input_and_output_are_carried_whole(machine: Machine) -> None:
    async def go() -> asyncssh.SSHCompletedProcess:
        async with machine.student.connect(machine.address) as connection:
            return await connection.run("wc -c; head -c 3000000 /dev/zero", input=b"x" * 2_000_000, encoding=None)

    stdout = asyncio.run(go()).stdout
    assert isinstance(stdout, bytes) and stdout.startswith(b"2000000\n") and len(stdout) == 3_000_008


def test_only_the_servers_key_and_the_user_cc_come_in(machine: Machine) -> None:
    stranger = Student(machine.emulator)
    with pytest.raises(asyncssh.PermissionDenied):
        stranger.ssh(machine.address, "true")
    with pytest.raises(asyncssh.PermissionDenied):
        machine.student.ssh(machine.address, "true", username="root")


def test_the_host_key_stays_the_same(machine: Machine) -> None:
    async def key() -> bytes:
        found = await asyncssh.get_server_host_key(machine.address, machine.emulator.ssh_port, config=None)
        assert found is not None
        return found.public_data

    assert asyncio.run(key()) == asyncio.run(key())


def test_files_go_in_and_out_by_sftp_and_scp(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(os.urandom(200_000))

    async def go() -> str:
        async with machine.student.connect(machine.address) as connection:
            await asyncssh.scp(tmp_path / "there", (connection, "by-scp"))
            async with connection.start_sftp_client() as sftp:
                await sftp.put(tmp_path / "there", "by-sftp")
                await sftp.get("by-scp", tmp_path / "back")
                await sftp.makedirs("/srv/deep")
                return str(await sftp.realpath("."))

    assert asyncio.run(go()) == str(machine.emulator.nodes.of(SERVER).home)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "there").read_bytes()
    assert machine.run("cmp by-scp by-sftp").exit_status == 0
    assert (machine.emulator.nodes.of(SERVER).folder / "root" / "srv" / "deep").is_dir()
    assert not Path("/srv/deep").exists()


@pytest.mark.skipif(not (shutil.which("ssh") and shutil.which("git")), reason="needs ssh and git")
def test_git_pushes_over_openssh(machine: Machine, tmp_path: Path) -> None:
    key = tmp_path / "id"
    machine.student.key.write_private_key(key)
    key.chmod(0o600)
    ssh = (
        f"ssh -F none -i {key} -p {machine.emulator.ssh_port} -o UserKnownHostsFile={tmp_path}/known "
        "-o StrictHostKeyChecking=accept-new -o BatchMode=yes -o IdentitiesOnly=yes"
    )
    env = {**os.environ, "GIT_SSH_COMMAND": ssh}
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "-q", "-b", "main", tmp_path / "repo"], check=True)
    subprocess.run(["git", "-C", tmp_path / "repo", *identity, "commit", "-qm", "x", "--allow-empty"], check=True)
    assert machine.run("git init -q --bare course.git").exit_status == 0
    subprocess.run(
        ["git", "-C", tmp_path / "repo", "push", "-q", f"cc@{machine.address}:course.git", "main"], check=True, env=env
    )
    assert machine.run("git -C course.git log --format=%s main").stdout == "x\n"


def test_a_tunnel_leads_to_the_nodes_loopback_only(machine: Machine) -> None:
    async def go() -> bytes:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with machine.student.connect(machine.address) as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("192.0.2.1", 80)
            reader, _ = await connection.open_connection("127.0.0.1", port)
            return bytes(await reader.read())

    assert asyncio.run(go()) == b"hello"


def test_a_detached_process_survives_its_connection(machine: Machine) -> None:
    home = machine.emulator.nodes.of(SERVER).home
    machine.run("mkfifo gate; nohup sh -c 'read word < gate; echo $word > said' > /dev/null 2>&1 < /dev/null &")
    (home / "gate").write_text("alive\n")
    until(lambda: (home / "said").exists() and (home / "said").read_text() == "alive\n")


def test_sudo_writes_the_nodes_system_files_and_not_the_machines(machine: Machine) -> None:
    name = "servelab-emulated-node.conf"
    done = machine.run(
        f"echo one | sudo tee /etc/{name}; sudo sh -c 'echo two >> /etc/{name}'; "
        f"printf 'echo three >> /etc/{name}\\n' | sudo bash -s; sudo cat /etc/{name}; "
        f"sudo test -f /etc/{name} && echo found; sudo -n true && echo yes"
    )
    assert done.stdout == "one\none\ntwo\nthree\nfound\nyes\n", done.stderr
    assert not Path("/etc", name).exists()


def test_docker_appears_when_it_is_installed(machine: Machine) -> None:
    assert machine.run("command -v docker").exit_status != 0
    done = machine.run(
        "sudo apt-get update && sudo apt-get install -y docker.io && sudo systemctl enable --now docker"
        " && systemctl is-active docker && docker pull nvcr.io/nvidia/tritonserver:25.06-py3"
        " && docker image inspect nvcr.io/nvidia/tritonserver:25.06-py3 > /dev/null"
        " && docker run -d --name triton nvcr.io/nvidia/tritonserver:25.06-py3 && docker ps"
    )
    assert done.exit_status == 0 and str(done.stdout).splitlines()[-2:] == ["triton", "triton"], done.stderr
    assert machine.run("docker image inspect nothing").exit_status == 1
    calls = machine.emulator.nodes.of(SERVER).calls()
    assert "sudo apt-get install -y docker.io" in calls and "systemctl enable --now docker" in calls


def test_nvidia_smi_tells_of_the_hosts_gpus(machine: Machine) -> None:
    done = machine.run("nvidia-smi --query-gpu=name,memory.total,compute_cap --format=csv,noheader; nvidia-smi -L")
    assert str(done.stdout).splitlines()[0] == "Tesla P100-PCIE-16GB, 16384 MiB, 6.0"
    assert len(str(done.stdout).splitlines()) == 4


def test_processes_end_with_the_server() -> None:
    with Emulator() as emulator:
        student = Student(emulator)
        address = student.node()
        student.ssh(address, "nohup sleep 600 > /dev/null 2>&1 < /dev/null &")
        node = emulator.nodes.of(SERVER)
        assert node.processes()
        number = next(iter(emulator.state.servers))
        assert student.ask("DELETE", "compute", f"/servers/{number}").status_code == 204
        until(lambda: not node.processes())
        with pytest.raises(OSError):
            student.ssh(address, "true")


def test_processes_end_with_the_emulator() -> None:
    with Emulator() as emulator:
        student = Student(emulator)
        student.ssh(student.node(), "nohup sleep 600 > /dev/null 2>&1 < /dev/null &")
        node = emulator.nodes.of(SERVER)
        assert node.processes()
    assert not node.processes()
    assert not emulator.folder.exists()
