"""A Triton Inference Server with one interface, whichever way it is started.

    with triton.start("embedded", folder) as server:
        seconds = server.deploy(deployment)      # loads it, or changes it in place
        before = server.statistics("classifier")
        ...
        print(server.statistics("classifier") - before)

`embedded`: the server binary of the nvidia-pytriton wheel; `container`: the official image through Docker;
`url:http://host:8000`: one that is already running (gRPC and metrics on the two ports after HTTP's, in explicit model
control mode). If its model repository is a folder here, $SERVELAB_TRITON_REPOSITORY names that, and models are written
there; otherwise it must hold the models already, and only their configuration is sent.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from snippets.errors import ServerError, UsageError
from snippets.triton import control
from snippets.triton import launch as triton_launch
from snippets.triton.config import Deployment
from snippets.triton.launch import Launch, Ports
from snippets.triton.stats import Statistics

REPOSITORY_VARIABLE = "SERVELAB_TRITON_REPOSITORY"
READY_S = 30.0
LOAD_S = 60.0
# Instances start one after the other: each loads its engine, and on a GPU makes a CUDA context.
LOAD_INSTANCE_S = 5.0


def start(how: str = "embedded", folder: Path | str = "") -> TritonServer:
    """A running server (see `TritonServer`); also a context manager that stops it.

    Raises ToolMissing (no binary, no docker), ServerError (port taken, crash, not ready in time), UsageError.
    """
    server = TritonServer(how, folder)
    server.start()
    return server


class TritonServer:
    """A Triton server that starts when first needed, so that replaying a record needs none.

    how: "embedded", "container" or "url:http://host:port".
    folder: where the model repository, the log and the backend links go; empty for a temporary one, removed on stop.
    ports: the three loopback ports; None for free ones. image, gpus: for the container (launch.container).
    rate_limit: let instances that name resources wait for them (execution_count mode).
    """

    def __init__(
        self,
        how: str = "embedded",
        folder: Path | str = "",
        *,
        ports: Ports | None = None,
        image: str = "",
        gpus: str = "all",
        rate_limit: bool = True,
    ) -> None:
        kind, _, url = how.partition(":")
        if kind not in ("embedded", "container", "url") or (kind == "url") != bool(url):
            raise UsageError(f"`{how}` is no way to reach Triton. Use embedded, container or url:http://HOST:PORT.")
        self.how, self.kind = how, kind
        self._url = url.removeprefix("http://").rstrip("/")
        self._given_repository = os.environ.get(REPOSITORY_VARIABLE, "")
        self._temporary = not folder
        self.folder = Path(folder) if folder else Path()
        self._wanted_ports, self.ports = ports, ports
        self._image, self._gpus, self._rate_limit = image, gpus, rate_limit
        self._watch: subprocess.Popen | None = None
        self._deployed: dict[str, str] = {}

    def __enter__(self) -> TritonServer:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """host:port of the HTTP endpoint."""
        return self._url if self.kind == "url" else f"127.0.0.1:{self._need_ports().http}"

    @property
    def grpc_url(self) -> str:
        """host:port of the gRPC endpoint (by convention one above HTTP for a server given by URL)."""
        if self.kind == "url":
            host, _, port = self._url.rpartition(":")
            return f"{host}:{int(port) + 1}"
        return f"127.0.0.1:{self._need_ports().grpc}"

    @property
    def repository(self) -> Path:
        """The model repository on this machine."""
        return Path(self._given_repository) if self.kind == "url" else self.folder / "repository"

    @property
    def log_path(self) -> Path:
        """The server's log; it outlives the server unless the folder is temporary."""
        return self.folder / "triton.log"

    @property
    def running(self) -> bool:
        """Whether the server process lives (for a URL: whether it says that it does)."""
        if self.kind == "url":
            return control.answers(self.url, "v2/health/live")
        return self._watch is not None and self._watch.poll() is None

    @property
    def pid(self) -> int | None:
        """Process id of the program that watches over the server; its descendants are the server."""
        return self._watch.pid if self._watch is not None else None

    def start(self) -> float:
        """Start if it does not run; returns seconds until it was ready (0 if it was)."""
        if self.kind == "url":
            if not control.answers(self.url, "v2/health/ready"):
                raise ServerError(f"No Triton answers at {self._url}. Start it, or use triton.start('embedded').")
            return 0.0
        if self.running:
            return 0.0
        begun = time.monotonic()
        if self._temporary and not self.folder.name:
            self.folder = Path(tempfile.mkdtemp(prefix="servelab-triton-"))
        self.folder = self.folder.resolve()
        shutil.rmtree(self.repository, ignore_errors=True)
        self.repository.mkdir(parents=True)
        self.ports = self._wanted_ports or triton_launch.free_ports()
        triton_launch.check_ports(self.ports)
        self._deployed = {}
        launch = self._launch(self.ports)
        self.log_path.write_text("")
        self._watch = subprocess.Popen(
            triton_launch.watched(launch, self.log_path), stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            self._wait(lambda: control.answers(self.url, "v2/health/ready"), READY_S, "to be ready")
        except BaseException:
            self.stop(keep=True)
            raise
        return time.monotonic() - begun

    def stop(self, keep: bool = False) -> None:
        """Stop the server and everything that it started; `keep` leaves a temporary folder for reading the log."""
        if self._watch is not None:
            if self._watch.stdin:
                self._watch.stdin.close()
            try:
                self._watch.wait(20)
            except subprocess.TimeoutExpired:
                self._watch.kill()
                self._watch.wait()
            self._watch = None
        self._deployed = {}
        if self._temporary and not keep and self.folder.name:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = Path()

    def check(self) -> None:
        """Raise ServerError, with the log's last lines, when the server is no longer there."""
        if not self.running:
            status = self._watch.poll() if self._watch else None
            how = (
                ""
                if status is None
                else f" (exit status {status}" + (f", killed by signal {status - 128})" if status > 128 else ")")
            )
            raise ServerError(
                f"The Triton server has stopped{how}. {self._reason()}\nRun the cell again: the steps that are done"
                " are kept and the server starts anew."
            )

    def deploy(self, deployment: Deployment) -> float:
        """Load a model, or bring a changed configuration into force in place; returns the seconds it took.

        An unchanged deployment costs nothing. The rest of the server keeps serving meanwhile.
        Raises ServerError with Triton's reason when the model does not load.
        """
        self.start()
        name, wanted = deployment.config.name, deployment.fingerprint()
        if self._deployed.get(name) == wanted:
            return 0.0
        out_of_reach = self.kind == "url" and not self._given_repository
        if not out_of_reach:
            deployment.write(self.repository)
        begun = time.monotonic()
        self._deployed.pop(name, None)
        limit_s = LOAD_S + LOAD_INSTANCE_S * deployment.config.instance_count
        self._change(name, "load", {"config": deployment.config.json()} if out_of_reach else {}, limit_s)
        self._deployed[name] = wanted
        return time.monotonic() - begun

    def unload(self, name: str) -> float:
        """Unload a model and wait until it is gone; returns the seconds it took."""
        begun = time.monotonic()
        self._deployed.pop(name, None)
        self._change(name, "unload", {}, LOAD_S)
        self._wait(lambda: control.state(self.url, name) not in ("READY", "UNLOADING"), LOAD_S, f"to unload {name}")
        return time.monotonic() - begun

    def only(self, *deployments: Deployment) -> list[float]:
        """Have exactly these models loaded: unload the others first, then deploy each."""
        self.start()
        wanted = {d.config.name for d in deployments}
        for name in [n for n in self._deployed if n not in wanted]:
            self.unload(name)
        return [self.deploy(d) for d in deployments]

    def ready(self, name: str) -> bool:
        """Whether the model answers requests now."""
        return control.answers(self.url, f"v2/models/{name}/ready")

    def statistics(self, name: str) -> Statistics:
        """The model's counters since it was loaded, read between two executions. OSError if it does not answer."""
        return control.statistics(self.url, name)

    def forget(self) -> None:
        """Deploy anew whatever is asked for next: another program has changed this server's models."""
        self._deployed.clear()

    def log(self, lines: int = 0) -> str:
        """The server's log, or its last lines. Empty for a server reached by URL."""
        text = self.log_path.read_text(errors="replace") if self.folder.name and self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:]) if lines else text

    def _need_ports(self) -> Ports:
        if self.ports is None:
            raise ServerError("The Triton server has not been started yet. Call start() or deploy() first.")
        return self.ports

    def _launch(self, ports: Ports) -> Launch:
        if self.kind == "container":
            return triton_launch.container(self.repository, ports, self._image, self._gpus, self._rate_limit)
        return triton_launch.embedded(self.folder, self.repository, ports, self._rate_limit)

    def _change(self, name: str, verb: str, parameters: Mapping[str, str], limit_s: float) -> None:
        try:
            control.change(self.url, name, verb, parameters, limit_s)
        except control.Refused as error:
            raise ServerError(
                f"Triton could not {verb} the model `{name}`: {error}\nCorrect its configuration or files"
                f" ({self.repository / name}) and deploy it again; other models are not affected."
            ) from error
        except OSError as error:
            self.check()
            raise ServerError(
                f"Triton did not answer within {limit_s:.0f} s while asked to {verb} `{name}`."
            ) from error

    def _wait(self, done: Callable[[], bool], limit_s: float, what: str) -> None:
        deadline = time.monotonic() + limit_s
        while not done():
            if self.kind != "url":
                self.check()
            if time.monotonic() > deadline:
                raise ServerError(f"Waited {limit_s:.0f} s for Triton {what}. {self._reason()}")
            time.sleep(0.02)

    def _reason(self) -> str:
        lines = self.log().splitlines()
        telling = [line for line in lines if line.startswith("E") or "rror:" in line or "rror response" in line]
        if not lines:
            return "Its log is empty."
        return f"Its log ({self.log_path}) says: " + " | ".join((telling or lines)[-3:])
