"""One emulated bare-metal node: its folder, its executables, its environment, its processes."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# programs of the machine that a node has only after it installed them, and then as a stand-in
ABSENT = (
    *("docker", "docker-compose", "podman", "nvidia-ctk", "containerd"),
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
)
GPUS = {
    "A100": "NVIDIA A100-PCIE-40GB,40960,8.0",
    "P100": "Tesla P100-PCIE-16GB,16384,6.0",
    "H100": "NVIDIA H100 80GB HBM3,81559,9.0",
    "H100-slice": "NVIDIA H100-1-12C,12288,9.0",
    "MI100": "AMD Instinct MI100,32768,gfx908",
}
SYSTEM_FOLDERS = (
    "etc/docker",
    "etc/apt/keyrings",
    "etc/apt/apt.conf.d",
    "etc/apt/sources.list.d",
    "etc/systemd/system",
    "var/lib/docker",
    "var/log",
    "opt",
    "srv",
    "root",
    "mnt",
    "usr/local/bin",
    "usr/share/keyrings",
    "home",
)


@functools.cache
def machine_bin() -> Path:
    """The machine's own executables: /usr/bin, or, where that holds Docker, links to all the rest of it."""
    system = Path("/usr/bin")
    if not any((system / name).exists() for name in ABSENT):
        return system
    links = Path(tempfile.mkdtemp(prefix="chameleon-bin-"))
    atexit.register(shutil.rmtree, links, ignore_errors=True)
    for program in os.scandir(system):
        if program.name not in ABSENT:
            (links / program.name).symlink_to(program.path)
    return links


class Node:
    """`folder`: home/cc (the home directory), root (what `sudo` sees as /etc, /opt, ...), calls, packages, ..."""

    def __init__(
        self,
        folder: Path,
        gpus: list[str],
        *,
        extra_path: tuple[Path, ...] = (),
        extra_env: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.home = folder / "root" / "home" / "cc"
        self.extra_path, self.extra_env = extra_path, dict(extra_env or {})
        self._struck = 0
        for name in ("faults", "tmp", *(f"root/{each}" for each in SYSTEM_FOLDERS)):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.home.mkdir(exist_ok=True)
        amd = any(GPUS.get(each, each).startswith("AMD") for each in gpus)
        others = shutil.ignore_patterns("nvidia-smi" if amd else "rocm-smi")
        shutil.copytree(HERE / "node_bin", folder / "bin", ignore=others)
        (folder / "gpus").write_text("".join(GPUS.get(each, each) + "\n" for each in gpus))
        self.machine_bin = machine_bin()

    def env(self) -> dict[str, str]:
        """Nothing of the caller's environment: neither its credentials nor its settings."""
        path = [self.folder / "bin", *self.extra_path, Path(sys.executable).parent, self.machine_bin]
        return {
            "PATH": os.pathsep.join(str(each) for each in path),
            "HOME": str(self.home),
            "USER": "cc",
            "LOGNAME": "cc",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.folder / "tmp"),
            "CHAMELEON_NODE": str(self.folder),
            "CHAMELEON_ROOT": str(self.folder / "root"),
            "CHAMELEON_REAL_CURL": shutil.which("curl") or "false",
            **self.extra_env,
        }

    def calls(self) -> list[str]:
        """What the stand-ins (sudo, apt-get, docker, ...) were called with, in order."""
        record = self.folder / "calls"
        return record.read_text().splitlines() if record.exists() else []

    # faults that the stand-ins play

    def flag(self, name: str, left: int | None) -> None:
        """Write or remove the flag file of a fault; `left` None: for ever, 0: off."""
        path = self.folder / "faults" / name
        if left == 0:
            path.unlink(missing_ok=True)
        else:
            path.write_text(str(left or 0))

    def newly_struck(self) -> list[str]:
        record = self.folder / "struck"
        if not record.exists():
            return []
        names = record.read_text().splitlines()
        fresh, self._struck = names[self._struck :], len(names)
        return fresh

    # processes

    def processes(self) -> list[int]:
        return marked_processes("CHAMELEON_NODE", self.folder)

    def kill_all(self) -> None:
        kill_marked("CHAMELEON_NODE", self.folder)

    def kernels(self) -> list[int]:
        """Python processes that are a Jupyter kernel: started as one, or forked by the kit's warm process."""
        words = {pid: _command(pid) for pid in self.processes()}
        warm = {pid for pid, command in words.items() if "grading.kernels.forkserver" in command}
        return [
            pid
            for pid, (program, *rest) in words.items()
            if "python" in Path(program).name
            and (any("ipykernel" in each for each in rest) or (pid in warm and _parent(pid) in warm))
        ]


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return [""]


def marked_processes(variable: str, folder: Path) -> list[int]:
    """Processes whose environment carries `variable`=`folder`, or a folder below: those started on a node."""
    marker = f"{variable}={folder}".encode()
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = Path(entry.path, "environ").read_bytes()
        except OSError:
            continue
        if any(line == marker or line.startswith(marker + b"/") for line in environment.split(b"\0")):
            found.append(int(entry.name))
    return found


def kill_marked(variable: str, folder: Path) -> None:
    for _ in range(5):  # a process may fork while it is being looked for
        left = marked_processes(variable, folder)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not left:
            return


def gpu_lines(state: Any, server: Any) -> list[str]:
    """The GPUs of the server's host, one entry each; at the KVM site those of its flavor."""
    for key, gpu in (("resources:CUSTOM_H100_SLICE", "H100-slice"), ("resources:CUSTOM_H100", "H100")):
        if key in server.flavor["extra_specs"]:
            return [gpu]
    uid = state.resources[server.host].properties["uid"] if server.host in state.resources else ""
    for node in state.nodes[server.site]:
        if node["uid"] == uid:
            return [node["gpu"]["gpu_model"]] * node["gpu"]["gpu_count"]
    return []
