"""The command line of a Triton server: the embedded binary of the nvidia-pytriton wheel, or the official image."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import socket
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from snippets.errors import ServerError, ToolMissing, UsageError

# 24.10 is built on CUDA 12.6 and, like every release of 2024, for compute capability 6.0 and up, so for the P100
# and the A100 alike; the releases of 2025 start at 7.5 (NVIDIA's release notes, "GPU Requirements").
IMAGE = "nvcr.io/nvidia/tritonserver:24.10-py3"
EMBEDDED_REMEDY = "Install it with `pip install --no-deps nvidia-pytriton==0.7.0` (Linux x86-64, glibc 2.35 or newer)."


@dataclass(frozen=True)
class Ports:
    """The three loopback ports of one server."""

    http: int
    grpc: int
    metrics: int


@dataclass(frozen=True)
class Launch:
    """A ready-to-run command.

    `environment`: variables that differ from this program's; `shared_memory`: prefix of the regions that the
    server makes in /dev/shm; `remove`: a command that ends whatever the server's own end leaves running.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    shared_memory: str = ""
    remove: tuple[str, ...] = ()


def free_ports() -> Ports:
    """Three loopback ports that nothing listens on now, as the kernel picks them."""
    sockets = [socket.socket() for _ in range(3)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return Ports(*(one.getsockname()[1] for one in sockets))
    finally:
        for one in sockets:
            one.close()


def check_ports(ports: Ports) -> None:
    """Raise ServerError, naming the port, when one of them is taken."""
    for use, port in vars(ports).items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise ServerError(
                    f"Triton's {use} port {port} is taken ({error.strerror}). Stop the program that listens on it"
                    " (`ss -ltnp` names it), or give no port and let the kit find a free one."
                ) from error


def server_arguments(repository: str, address: str, ports: Ports, rate_limit: bool) -> list[str]:
    """Options that both ways of starting share: explicit model control, one address, nothing guessed."""
    return [
        f"--model-repository={repository}",
        "--model-control-mode=explicit",
        "--disable-auto-complete-config",
        f"--http-address={address}",
        f"--http-port={ports.http}",
        f"--grpc-address={address}",
        f"--grpc-port={ports.grpc}",
        f"--metrics-address={address}",
        f"--metrics-port={ports.metrics}",
        "--metrics-interval-ms=500",
        "--exit-timeout-secs=2",
        *(["--rate-limit=execution_count"] if rate_limit else []),
    ]


def embedded_root() -> Path:
    """Folder of the Triton server inside the installed nvidia-pytriton. Raises ToolMissing with the remedy."""
    # find_spec of the parent package only: importing pytriton itself needs NumPy 1.
    spec = importlib.util.find_spec("pytriton")
    if spec is None or not spec.submodule_search_locations:
        raise ToolMissing(f"The embedded Triton server is not installed. {EMBEDDED_REMEDY}")
    root = Path(next(iter(spec.submodule_search_locations))) / "tritonserver"
    binary = root / "bin" / "tritonserver"
    if not binary.is_file():
        raise ToolMissing(f"The Triton binary {binary} is missing: the wheel is not complete. {EMBEDDED_REMEDY}")
    return root


def embedded(folder: Path, repository: Path, ports: Ports, rate_limit: bool = True) -> Launch:
    """Command and environment for the binary of the nvidia-pytriton wheel, with this Python's backend stub.

    Assembles a backend directory under `folder`: the wheel keeps the stubs of all Python versions elsewhere.
    Raises ToolMissing when the wheel, its binary or the stub for this Python is not there.
    """
    root = embedded_root()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    stub = root / "python_backend_stubs" / version
    if not stub.is_dir():
        known = ", ".join(sorted(p.name for p in (root / "python_backend_stubs").iterdir()))
        raise ToolMissing(
            f"The embedded Triton has no Python backend for Python {version} (it has {known}). Use one of those."
        )
    backend = folder / "backends" / "python"
    backend.mkdir(parents=True, exist_ok=True)
    for source in (*(root / "backends" / "python").iterdir(), *stub.iterdir()):
        if source.is_file():
            link = backend / source.name
            link.unlink(missing_ok=True)
            link.symlink_to(source)
    binary = root / "bin" / "tritonserver"
    if not os.access(binary, os.X_OK):
        binary.chmod(binary.stat().st_mode | 0o111)
    site_packages = root.parent.parent
    # Where Python's own library is comes last: it may be a folder of the system, with another driver's libcuda in it.
    libraries = [
        str(site_packages / "nvidia_pytriton.libs"),
        os.environ.get("LD_LIBRARY_PATH", ""),
        sysconfig.get_config_var("LIBDIR") or "",
    ]
    prefix = f"servelab_{os.getpid()}_{ports.http}_"
    environment = {
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, libraries)),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(site_packages), os.environ.get("PYTHONPATH", "")])),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "PYTHONUNBUFFERED": "1",
    }
    command = [
        str(binary),
        f"--backend-directory={backend.parent}",
        f"--backend-config=python,shm-region-prefix-name={prefix}",
        *server_arguments(str(repository), "127.0.0.1", ports, rate_limit),
    ]
    return Launch(tuple(command), environment, prefix)


def container(repository: Path, ports: Ports, image: str = "", gpus: str = "all", rate_limit: bool = True) -> Launch:
    """`docker run` of the official image: the repository mounted read-only, ports published on loopback only.

    `image`: empty for $SERVELAB_TRITON_IMAGE or the pinned one. The image's Python backend has no PyTorch: a model
    that imports it needs an image built on this one. `gpus`: as docker's `--gpus` (`all`, `device=0`), or empty
    for none. Raises ToolMissing without a docker command.
    """
    docker = shutil.which("docker")
    if docker is None:
        raise ToolMissing(
            "The `docker` command is not on PATH, so the Triton container cannot be started. Install Docker"
            ' (and the NVIDIA container toolkit for GPUs), or use triton.start("embedded").'
        )
    if ":" not in (image := image or os.environ.get("SERVELAB_TRITON_IMAGE", IMAGE)):
        raise UsageError(f"The image {image} has no tag. Name an exact one, such as {IMAGE}.")
    name = f"servelab-triton-{os.getpid()}-{ports.http}"
    inside = Ports(8000, 8001, 8002)
    published = [
        f"--publish=127.0.0.1:{mine}:{theirs}"
        for mine, theirs in zip(vars(ports).values(), vars(inside).values(), strict=True)
    ]
    command = [
        docker,
        "run",
        "--rm",
        f"--name={name}",
        "--init",
        *([f"--gpus={gpus}"] if gpus else []),
        "--shm-size=1g",
        "--ulimit=memlock=-1",
        "--ulimit=stack=67108864",
        *published,
        f"--volume={repository.resolve()}:/models:ro",
        image,
        "tritonserver",
        *server_arguments("/models", "0.0.0.0", inside, rate_limit),
    ]
    # The container belongs to Docker's daemon, not to the docker command: it is removed by name at the end.
    return Launch(tuple(command), {}, "", (docker, "rm", "--force", name))


def watched(launch: Launch, log: Path) -> list[str]:
    """The full command line: the watching program, then the server with the variables that it needs."""
    watch = Path(__file__).with_name("watch.py")
    variables = [f"{name}={value}" for name, value in sorted(launch.environment.items())]
    prefix = ["env", *variables] if variables else []
    return [
        sys.executable,
        "-I",
        str(watch),
        str(log),
        launch.shared_memory,
        json.dumps(launch.remove),
        *prefix,
        *launch.command,
    ]
