"""The steps that make a node of this kit out of a fresh Chameleon node or container."""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path

from reserve.containers import pins
from reserve.hardware import Hardware
from reserve.node.checkout import Tree
from reserve.node.provision import Task
from reserve.site import Machine

KIT = "servelab"
"""The kit's folder in the node's home; its state is in ~/.servelab, its runs in ~/servelab-runs."""
RUNS = "servelab-runs"
STATE = ".servelab"
PYTHON = f'PY=$(cat ~/{STATE}/python 2>/dev/null || echo none); [ -x "$PY" ] && "$PY" -c pass'
SUDO = 'if command -v sudo >/dev/null; then SUDO="sudo -n"; else SUDO=; fi'


def repository(tree: Tree) -> Task:
    """Send the checkout, if the node has another one. Files that are gone here go there too."""
    mark = f"{tree.digest} {tree.commit}"

    def apply(machine: Machine) -> None:
        machine.run(
            f"mkdir -p ~/{KIT} ~/{STATE} ~/{RUNS} && chmod 700 ~/{STATE} && cd ~/{KIT} && rm -f .servelab-tree && "
            "if [ -f .servelab-files ]; then xargs -d '\\n' rm -f -- < .servelab-files; fi"
        )
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


DOCKER = Task(
    "docker",
    "installing Docker",
    f"{SUDO}; $SUDO docker info",
    f"""set -e; {SUDO}
curl -fsSL --retry 3 https://get.docker.com -o ~/{STATE}/get-docker.sh
$SUDO sh ~/{STATE}/get-docker.sh
$SUDO systemctl enable --now docker
$SUDO usermod -aG docker "$(id -un)" """,
    "See `sudo apt-get update` and `journalctl -u docker` on the node.",
    timeout_s=1200,
    tries=4,
    new_login=True,
)

TOOLKIT = Task(
    "nvidia-toolkit",
    "letting containers use the GPUs",
    f"{SUDO}; nvidia-ctk --version && $SUDO docker info | grep -q nvidia",
    f"""set -e; {SUDO}
repo=https://nvidia.github.io/libnvidia-container
ring=/usr/share/keyrings/nvidia-container-toolkit-keyring.gpg
curl -fsSL $repo/gpgkey | $SUDO gpg --batch --yes --dearmor -o $ring
curl -fsSL $repo/stable/deb/nvidia-container-toolkit.list | sed "s#deb https://#deb [signed-by=$ring] https://#g" \\
  | $SUDO tee /etc/apt/sources.list.d/nvidia-container-toolkit.list
$SUDO apt-get update -q
$SUDO apt-get install -y -q nvidia-container-toolkit
$SUDO nvidia-ctk runtime configure --runtime=docker
$SUDO systemctl restart docker""",
    "See `sudo apt-get update` on the node.",
    timeout_s=900,
    tries=4,
)

# Modules that a run needs; a machine that has them all, in the pinned versions, is used as it is.
MODULES = {
    "edge": ["numpy", "onnxruntime", "papermill", "ipykernel"],
    "model": ["torch", "onnxruntime", "onnx", "papermill", "ipykernel", "jupyterlab"],
    "system": ["torch", "onnxruntime", "onnx", "papermill", "ipykernel", "jupyterlab", "fastapi"],
}
USABLE = """import importlib.metadata as m, importlib.util as u, sys
need, pins = {modules!r}, {pins!r}
bad = [n for n in need if u.find_spec(n) is None]
least = tuple(int(x) for x in pins.pop("python", "3.11").split("."))
bad += ["python"] if sys.version_info[:2] < least else []
def has(name, version):
    try: return m.version(name).split("+")[0] == version
    except m.PackageNotFoundError: return False
bad += [n for n, v in pins.items() if not has(n, v)]
sys.exit("lacks " + ", ".join(bad) if bad else 0)"""


def environment(hardware: Hardware) -> Task:
    """Python with the part's packages: $SERVELAB_NODE_PYTHON as it is, else a virtual environment with the pins."""
    modules = MODULES[hardware.part]
    pinned = shlex.quote(USABLE.format(modules=modules, pins=dict(hardware.pins)))
    present = shlex.quote(USABLE.format(modules=modules, pins={}))
    check = (
        f'if [ -n "$SERVELAB_NODE_PYTHON" ]; then PY=$SERVELAB_NODE_PYTHON; "$PY" -c {present}; '
        f'else PY=$HOME/{KIT}/.venv/bin/python; "$PY" -c {pinned}; fi && [ "$(cat ~/{STATE}/python)" = "$PY" ]'
    )
    # The GPU decides torch's version, the extra names it; everything else is pinned by constraints.txt.
    apply = f"""set -e
mkdir -p ~/{STATE}; cd ~/{KIT}
if [ -n "$SERVELAB_NODE_PYTHON" ]; then echo "$SERVELAB_NODE_PYTHON" > ~/{STATE}/python; exit 0; fi
if ! python3 -m venv .venv 2>/dev/null; then
  {SUDO}; $SUDO apt-get update -q; $SUDO apt-get install -y -q python3-venv; python3 -m venv .venv
fi
grep -v -i -E '^(torch|nvidia-|triton|onnxruntime|cuda-)' constraints.txt > ~/{STATE}/constraints.txt || true
.venv/bin/python -m pip install --disable-pip-version-check --progress-bar off -q -U pip
.venv/bin/python -m pip install --disable-pip-version-check --progress-bar off \\
  -c ~/{STATE}/constraints.txt -e '.[{hardware.extra}]'
{".venv/bin/python -m pip install -q --no-deps nvidia-pytriton==0.7.0" if hardware.part == "system" else ":"}
echo "$HOME/{KIT}/.venv/bin/python" > ~/{STATE}/python"""
    return Task(
        "environment",
        "installing Python packages (several minutes on a fresh node)",
        check,
        apply,
        f"See the pip messages above; pins are in [{hardware.key}.pins] of reserve/hardware.toml and constraints.txt.",
        timeout_s=3000,
        tries=2,
    )


def images(hardware: Hardware, kit: Path) -> list[Task]:
    """Pull or build the container images that `hardware.images` names: those with a Dockerfile in
    `reserve/containers/` are built there, with the versions that `pins.toml` gives for this hardware's variant."""
    steps = []
    for name in hardware.images:
        folder = kit / "reserve" / "containers" / name
        if not folder.is_dir():
            steps.append(_image(name, name, f"$SUDO docker pull -q {shlex.quote(name)}", f"pulling {name}"))
            continue
        dockerfile = (folder / "Dockerfile").read_text(encoding="utf-8")
        pinned = pins.load().environment(hardware.extra)
        arguments = {k: v for k, v in pinned.items() if re.search(rf"^ARG {k}\b", dockerfile, re.M)}
        digest = hashlib.sha256(repr(sorted(arguments.items())).encode())
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            digest.update(path.read_bytes())
        tag = f"servelab/{name}:{digest.hexdigest()[:12]}"
        options = " ".join(f"--build-arg {k}={shlex.quote(v)}" for k, v in arguments.items())
        build = (
            f"cd ~/{KIT} && $SUDO docker build -t {tag} {options} -f reserve/containers/{name}/Dockerfile . && "
            f"$SUDO docker tag {tag} servelab/{name}:latest"
        )
        steps.append(_image(name, tag, build, f"building the image {name}"))
    return steps


def _image(name: str, tag: str, command: str, about: str) -> Task:
    return Task(
        f"image:{name.rsplit('/', 1)[-1]}",
        about,
        f"{SUDO}; $SUDO docker image inspect {shlex.quote(tag)}",
        f"set -e; {SUDO}; {command}",
        "Registries limit anonymous pulls: wait an hour, or `docker login` on the node.",
        timeout_s=2400,
        tries=3,
    )


def data(name: str) -> Task:
    """Prepare the data set where the notebooks look for it."""
    program = shlex.quote(f"from snippets.data.datasets import dataset; print(dataset({name!r}).fingerprint)")
    mark = f"~/{STATE}/data-{name}-$(cut -c1-12 ~/{KIT}/.servelab-tree)"
    return Task(
        "data",
        f"preparing the data set {name}",
        f"[ -s {mark} ]",
        f'set -e; {PYTHON}; cd ~/{KIT}; "$PY" -c {program} > ~/{STATE}/data.tmp; cat ~/{STATE}/data.tmp; '
        f"mv ~/{STATE}/data.tmp {mark}",
        "See the message above; `rehearsal` needs no internet, `food11` needs 1.2 GB of it.",
        timeout_s=2400,
        tries=2,
    )


ANSWERS = """import json, pathlib, urllib.request
state = pathlib.Path.home() / ".servelab"
facts = json.loads((state / "jupyter.json").read_text())
request = urllib.request.Request("http://127.0.0.1:%d/api/status" % facts["port"],
                                 headers={"Authorization": "token " + facts["token"]})
assert facts["public"] == PUBLIC
urllib.request.urlopen(request, timeout=5).read()"""

START = """import json, os, pathlib, secrets, socket, subprocess, sys, time, urllib.request
state = pathlib.Path.home() / ".servelab"
old = state / "jupyter.json"
if old.exists():
    try: os.kill(json.loads(old.read_text())["pid"], 15)
    except (OSError, ValueError, KeyError): pass
def free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try: s.bind(("127.0.0.1", port)); return s.getsockname()[1]
        except OSError: return 0
port = 8888 if PUBLIC else (free(8888) or free(0))
token = secrets.token_hex(24)
log = open(state / "jupyter.log", "w")
child = subprocess.Popen(
    [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=" + ("0.0.0.0" if PUBLIC else "127.0.0.1"),
     "--port=%d" % port, "--ServerApp.port_retries=0", "--allow-root",
     "--ServerApp.root_dir=" + str(pathlib.Path.home() / "servelab")],
    env={**os.environ, "JUPYTER_TOKEN": token},
    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
fd = os.open(old, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
os.write(fd, json.dumps({"port": port, "token": token, "pid": child.pid, "public": PUBLIC}).encode())
for _ in range(60):
    if child.poll() is not None: sys.exit("JupyterLab ended: " + (state / "jupyter.log").read_text()[-500:])
    try:
        urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:%d/api/status" % port,
                               headers={"Authorization": "token " + token}), timeout=5).read(); break
    except OSError: time.sleep(0.5)
else: sys.exit("JupyterLab does not answer: " + (state / "jupyter.log").read_text()[-500:])"""


def jupyter(public: bool) -> Task:
    """JupyterLab with a token of its own, on the node's loopback unless `public`."""
    check = shlex.quote(ANSWERS.replace("PUBLIC", str(public)))
    start = shlex.quote(START.replace("PUBLIC", str(public)))
    return Task(
        "jupyter",
        "starting JupyterLab",
        f'{PYTHON} && "$PY" -c {check}',
        f'{PYTHON} && cd ~/{KIT} && "$PY" -c {start}',
        f"See ~/{STATE}/jupyter.log on the node.",
        timeout_s=90,
        tries=2,
    )


def steps_for(
    hardware: Hardware, tree: Tree, kit: Path, *, dataset: str = "rehearsal", public: bool = False
) -> list[Task]:
    """All steps for one kind of hardware, in order."""
    steps = [repository(tree)]
    if hardware.kind == "node" and hardware.site != "local":
        steps.append(DOCKER)
        if hardware.expected.get("gpu"):
            steps.append(TOOLKIT)
        steps += images(hardware, kit)
    steps.append(environment(hardware))
    if hardware.part != "edge":
        steps.append(data(dataset))
    if hardware.kind == "node" or public:
        steps.append(jupyter(public))
    return steps
