"""JupyterLab on the node itself: started with a token of its own, and asked whether it answers.

It runs there: `python -m reserve.node.jupyter start|check public|private`. Public, it listens on every address of the
node at port 8888; private, on the loopback only, at any port that is free. Port, token and process id are in
`~/.servelab/jupyter.json`, which only the user may read.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

PORT = 8888
CONFIG = Path(__file__).resolve().parents[2] / "notebooks" / ".jupyter"
"""As `make jupyter` has it: what is saved, what is shown, and where its terminals find `servelab`."""
TRIES = 60
"""How often a server that starts is asked, twice a second."""


def state_folder() -> Path:
    """Where the kit keeps what it knows about this node."""
    return Path.home() / ".servelab"


def facts_of(state: Path) -> dict[str, Any]:
    """What the server that was started last left behind. Raises OSError or ValueError if there is no such thing."""
    return dict(json.loads((state / "jupyter.json").read_text(encoding="utf-8")))


def ask(port: int, token: str) -> None:
    """One request to the server's status. Raises OSError if it does not answer, or not to this token."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/status", headers={"Authorization": f"token {token}"})
    urllib.request.urlopen(request, timeout=5).read()


def check(state: Path, public: bool) -> None:
    """Raise (OSError, ValueError, KeyError) unless a server answers that is as public as is asked for."""
    facts = facts_of(state)
    if facts["public"] != public:
        raise ValueError("the server that runs is " + ("not public" if public else "public"))
    ask(facts["port"], facts["token"])


def free_port(preferred: int) -> int:
    """`preferred` if nobody listens there, else any port that is free on the loopback."""
    for port in (preferred, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("no port is free on the loopback")


def stop_earlier(state: Path) -> None:
    """Ask the server that was started last to end; fine if there is none."""
    with suppress(OSError, ValueError, KeyError):
        os.kill(facts_of(state)["pid"], 15)


def start(state: Path, public: bool) -> None:
    """Start a server and wait until it answers. Exits with its last words if it does not."""
    stop_earlier(state)
    port = PORT if public else free_port(PORT)
    token = secrets.token_hex(24)
    log = state / "jupyter.log"
    address = "0.0.0.0" if public else "127.0.0.1"
    words = ["--no-browser", f"--ip={address}", f"--port={port}", "--ServerApp.port_retries=0", "--allow-root"]
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *words, f"--ServerApp.root_dir={Path.home() / 'servelab'}"],
            env={**os.environ, "JUPYTER_TOKEN": token, "JUPYTER_CONFIG_PATH": str(CONFIG)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    facts = {"port": port, "token": token, "pid": child.pid, "public": public}
    handle = os.open(state / "jupyter.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(facts, file)
    for _ in range(TRIES):
        if child.poll() is not None:
            sys.exit("JupyterLab ended: " + log.read_text(errors="replace")[-500:])
        try:
            ask(port, token)
            return
        except OSError:
            time.sleep(0.5)
    sys.exit("JupyterLab does not answer: " + log.read_text(errors="replace")[-500:])


if __name__ == "__main__":
    what, who = sys.argv[1:]
    {"start": start, "check": check}[what](state_folder(), who == "public")
