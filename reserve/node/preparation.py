"""The tasks that make a node of this kit out of a fresh Chameleon node or container."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from reserve.clock import Clock, Say
from reserve.containers import pins
from reserve.hardware import Hardware
from reserve.node.checkout import Tree
from reserve.node.places import KIT, STATE
from reserve.node.provision import Task, examine
from reserve.node.shell import program
from reserve.site import Machine
from snippets.files import sha256_bytes

SUDO = program("sudo")

# Modules that a run needs; a machine that has them all, in the pinned versions, is used as it is.
MODULES = {
    "edge": ["numpy", "onnxruntime", "papermill", "ipykernel"],
    "model": ["torch", "onnxruntime", "onnx", "papermill", "ipykernel", "jupyterlab"],
    "system": ["torch", "onnxruntime", "onnx", "papermill", "ipykernel", "jupyterlab", "fastapi"],
}
TRITON, IMAGE_VARIABLE = "triton", "SERVELAB_TRITON_IMAGE"
# Packages of a part that would drag in more than they need.
ALONE = {"system": ("nvidia-pytriton==0.7.0",)}


def look(hardware: Hardware, clock: Clock, say: Say) -> Task:
    """Compare the machine with hardware.toml, its GPUs and their driver above all. Nothing that takes long is begun on
    one that is not the course's."""

    def apply(machine: Machine) -> None:
        examine(machine, hardware, clock, say)

    return Task("look", "looking at what it is", "", apply, "See its console on the dashboard.", tries=2)


def repository(tree: Tree) -> Task:
    """Send the checkout, if the node has another one. Files that are gone here go there too."""
    mark = f"{tree.digest} {tree.commit}"

    def apply(machine: Machine) -> None:
        machine.run(program("repository", arguments=(KIT,)))
        machine.push(tree.archive, KIT)
        machine.run(f"echo {shlex.quote(mark)} > ~/{KIT}/.servelab-tree")

    return Task(
        "repository",
        f"sending this checkout ({tree.commit[:12]}, {len(tree.archive) / 1e6:.1f} MB)",
        f'[ "$(cat ~/{KIT}/.servelab-tree)" = {shlex.quote(mark)} ]',
        apply,
        "Check the disk and the connection.",
        tries=3,
    )


CALM = Task(
    "calm",
    "keeping updates from disturbing",
    f"{SUDO}\n$SUDO test -s /etc/apt/apt.conf.d/99servelab",
    program("sudo", "calm"),
    "The image's user must be able to use sudo without a password.",
    tries=2,
)

BROWSER = Task(
    "browser",
    "installing a browser for screenshots",
    program("browser_check"),
    program("first_boot", "python", "browser"),
    "Take Part 3's screenshots by hand, through the tunnel.",
    timeout_s=900,
    tries=2,
    needed=False,
    network=True,
    after=("environment",),
    holds="apt",
)

VENV = Task(
    "venv",
    "letting Python make environments",
    '[ -n "$SERVELAB_NODE_PYTHON" ] || python3 -c "import ensurepip, venv"',
    program("first_boot", "sudo", "venv"),
    "See `sudo apt-get install python3-venv` on the node.",
    timeout_s=900,
    tries=2,
    network=True,
    after=("look", "calm"),
    holds="apt",
)

# torch.compile builds against Python's headers; where they cannot be had, the notebooks leave it out with the reason.
COMPILER = Task(
    "compiler",
    "installing a compiler for PyTorch",
    '[ -n "$SERVELAB_NODE_PYTHON" ] || dpkg -s g++ python3-dev',
    program("first_boot", "sudo", "compiler"),
    "PyTorch is then measured without torch.compile.",
    timeout_s=900,
    tries=2,
    needed=False,
    network=True,
    after=("look", "calm", "venv"),
    holds="apt",
)

DOCKER = Task(
    "docker",
    "installing Docker",
    f"{SUDO}\n$SUDO docker info",
    program("first_boot", "sudo", "docker"),
    "See `sudo apt-get update` and `journalctl -u docker` on the node.",
    timeout_s=1200,
    tries=4,
    new_login=True,
    network=True,
    after=("look", "calm", "repository", "venv"),
    holds="apt",
)

TOOLKIT = Task(
    "nvidia-toolkit",
    "letting containers use the GPUs",
    f"{SUDO}\nnvidia-ctk --version && $SUDO docker info | grep -q nvidia"
    " && $SUDO grep -q cgroupfs /etc/docker/daemon.json",
    program("sudo", "nvidia_toolkit"),
    "See `sudo apt-get update` on the node.",
    timeout_s=900,
    tries=4,
    network=True,
    after=("docker",),
    holds="apt",
)


def environment(hardware: Hardware) -> Task:
    """Python with the part's packages: $SERVELAB_NODE_PYTHON as it is, else a virtual environment with the pins."""
    needs = (json.dumps(MODULES[hardware.part]), json.dumps(dict(hardware.pins)))
    return Task(
        "environment",
        "installing Python packages (several minutes on a fresh node)",
        program("environment_check", arguments=needs),
        program("environment", arguments=(hardware.extra, *hardware.wheels, *ALONE.get(hardware.part, ()))),
        f"See the pip messages above; pins are in [{hardware.key}.pins] of reserve/hardware.toml and constraints.txt.",
        timeout_s=3000,
        tries=2,
        network=True,
        after=("look", "repository", "venv"),
        holds="packages",
    )


def images(hardware: Hardware, kit: Path) -> list[Task]:
    """Pull or build the container images that `hardware.images` names: those with a Dockerfile in
    `reserve/containers/` are built there, with the versions of `pins.toml`."""
    steps = []
    for name in hardware.images:
        if not _folder(kit, name).is_dir():
            steps.append(_image(name, name, f"$SUDO docker pull -q {shlex.quote(name)}", f"pulling {name}"))
            continue
        arguments, tag = _build_arguments(hardware, kit, name), image_tag(hardware, kit, name)
        options = " ".join(f"--build-arg {k}={shlex.quote(v)}" for k, v in arguments.items())
        build = (
            f"cd ~/{KIT} && $SUDO docker build -t {tag} {options} -f reserve/containers/{name}/Dockerfile . && "
            f"$SUDO docker tag {tag} servelab/{name}:latest"
        )
        steps.append(_image(name, tag, build, f"building the image {name}"))
    return steps


def image_tag(hardware: Hardware, kit: Path, name: str) -> str:
    """The exact name of an image that is built on this hardware: another Dockerfile or pin makes another one."""
    contents = [path.read_bytes() for path in sorted(p for p in _folder(kit, name).rglob("*") if p.is_file())]
    arguments = _build_arguments(hardware, kit, name)
    digest = sha256_bytes(b"".join([repr(sorted(arguments.items())).encode(), *contents]))
    return f"servelab/{name}:{digest[:12]}"


def job_environment(hardware: Hardware, kit: Path) -> dict[str, str]:
    """Variables for what runs on the node: the Triton image that was built there is the one that is used."""
    built = TRITON in hardware.images and _folder(kit, TRITON).is_dir()
    return {IMAGE_VARIABLE: image_tag(hardware, kit, TRITON)} if built else {}


def _folder(kit: Path, name: str) -> Path:
    return kit / "reserve" / "containers" / name


def _build_arguments(hardware: Hardware, kit: Path, name: str) -> dict[str, str]:
    """The versions that an image's Dockerfile takes as arguments."""
    dockerfile = (_folder(kit, name) / "Dockerfile").read_text(encoding="utf-8")
    pinned = pins.load().arguments()
    return {k: v for k, v in pinned.items() if re.search(rf"^ARG {k}\b", dockerfile, re.M)}


def _image(name: str, tag: str, command: str, about: str) -> Task:
    return Task(
        f"image:{name.rsplit('/', 1)[-1]}",
        about,
        f"{SUDO}\n$SUDO docker image inspect {shlex.quote(tag)}",
        f"set -e\n{SUDO}\n{command}",
        "Registries limit anonymous pulls: wait an hour, or `docker login` on the node.",
        timeout_s=2400,
        tries=3,
        network=True,
        after=("repository", "docker", "nvidia-toolkit"),  # installing the toolkit starts Docker anew
    )


def alone(package: str) -> Task:
    """A package that no extra can name, because it comes from its maker's index: installed by itself, or left out."""
    return Task(
        f"package:{package}",
        f"installing {package}",
        f"[ -s ~/{STATE}/package-{package} ]",
        program("python", "extra_package", arguments=(package,)),
        "Repeat the command.",
        timeout_s=1500,
        network=True,
        after=("environment",),
        holds="packages",
    )


def data(name: str) -> Task:
    """Prepare the data set where the notebooks look for it."""
    return Task(
        "data",
        f"preparing the data set {name}",
        f"[ -s ~/{STATE}/data-{shlex.quote(name)}-$(cut -c1-12 ~/{KIT}/.servelab-tree) ]",
        program("python", "data", arguments=(name,)),
        "See the message above; `rehearsal` needs no internet, `food11` needs 1.2 GB of it.",
        timeout_s=2400,
        tries=2,
        network=name != "rehearsal",
        after=("environment",),
    )


def jupyter(public: bool) -> Task:
    """JupyterLab with a token of its own, on the node's loopback unless `public`."""
    who = ("public" if public else "private",)
    return Task(
        "jupyter",
        "starting JupyterLab",
        program("sudo", "python", "jupyter_check", arguments=who),
        program("sudo", "python", "jupyter", arguments=who),
        f"See ~/{STATE}/jupyter.log on the node.",
        timeout_s=90,
        tries=2,
        after=("environment", "docker"),  # who joined Docker's group since is not in it
    )


def tasks_for(
    hardware: Hardware, tree: Tree, kit: Path, *, dataset: str = "rehearsal", public: bool = False
) -> list[Task]:
    """All tasks for one kind of hardware, in an order that would do: what the part needs, Docker and the NVIDIA toolkit
    only where `hardware.images` names an image, a browser only where screenshots are taken."""
    tasks = [repository(tree)]
    leased = hardware.by_ssh and hardware.site != "local"
    if leased:
        tasks.append(CALM)
    if hardware.site != "local":
        tasks.append(VENV)
    if leased:
        tasks.append(COMPILER)
    if leased and hardware.images:
        tasks.append(DOCKER)
        if hardware.expected.get("gpu"):
            tasks.append(TOOLKIT)
        tasks += images(hardware, kit)
    tasks.append(environment(hardware))
    if hardware.site != "local":
        tasks += map(alone, hardware.alone)
    if hardware.part != "edge":
        tasks.append(data(dataset))
    if hardware.by_ssh or public:
        tasks.append(jupyter(public))
    if leased and hardware.part == "system":
        tasks.append(BROWSER)
    return tasks
