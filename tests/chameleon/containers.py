"""Containers of the edge: each a scratch root directory in which its command and later ones really run."""

from __future__ import annotations

import base64
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

from .model import Container
from .node import kill_marked, machine_bin
from .wire import Refusal

FOLDERS = ("tmp", "root", "home", "work", "data", "srv", "opt", "app", "etc", "var", "mnt", "run", "workspace")
EXECUTE_S = 5.0
"""How long Zun listens to a command: `execute_timeout` of its Kubernetes driver."""
FRAME_BYTES = 1 << 20
"""The largest archive that gets through; larger ones are publicly reported to break, at sizes that vary."""
_PATHS = re.compile(r"(?<![\w.$}/-])/(?=(?:" + "|".join(FOLDERS) + r")(?:/|\b))")


class Root:
    """The container's "/" is `folder/root`; paths in a command that name its top folders are moved there."""

    def __init__(
        self, container: Container, *, extra_path: tuple[Path, ...] = (), extra_env: dict[str, str] | None = None
    ) -> None:
        self.container, self.folder = container, container.root
        self.root = self.folder / "root"
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.workdir = self.inside(container.body.get("workdir") or "/")
        self.workdir.mkdir(parents=True, exist_ok=True)
        self.log = self.folder / "log"
        self.log.touch()
        path = [*extra_path, Path(sys.executable).parent, machine_bin()]
        self.env = {
            "PATH": os.pathsep.join(str(each) for each in path),
            "HOME": str(self.root / "root"),
            "LANG": "C.UTF-8",
            "TMPDIR": str(self.root / "tmp"),
            "CHAMELEON_CONTAINER": str(self.folder),
            **(extra_env or {}),
            **{k: self.moved(str(v)) for k, v in (container.body.get("environment") or {}).items()},
        }
        self.main: subprocess.Popen[bytes] | None = None

    def inside(self, path: str) -> Path:
        """The file that the container's `path` stands for; never one outside its root."""
        full = os.path.normpath(self.root / path.lstrip("/"))
        if full != str(self.root) and not full.startswith(f"{self.root}/"):
            raise Refusal(400, f"Invalid path {path}")
        return Path(full)

    def moved(self, text: str) -> str:
        return text if str(self.root) in text else _PATHS.sub(f"{self.root}/", text)

    def start(self) -> None:
        """The container's own command, its output in the log."""
        command = self.container.body.get("command")
        if not command:
            return
        words = [self.moved(word) for word in (shlex.split(command) if isinstance(command, str) else command)]
        with self.log.open("ab") as log:
            try:
                self.main = subprocess.Popen(
                    words,
                    cwd=self.workdir,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                log.write(f"{words[0]}: {error.strerror}\n".encode())
                self.container.ends_as, self.container.status = "Error", "Error"
                self.container.reason = (
                    f'OCI runtime create failed: exec: "{words[0]}": executable file not found in $PATH: unknown'
                )

    def poll(self) -> None:
        if self.main is not None and self.main.poll() is not None and self.container.status == "Running":
            self.container.status = "Stopped"
            self.container.reason = f"Exited({self.main.returncode})"

    def execute(self, command: str, limit_s: float | None = None) -> dict[str, Any]:
        """One stream, as Zun answers: standard output and error together.

        Zun's Kubernetes driver listens for `EXECUTE_S`. Then it answers with what was printed so far and no exit
        code, and the command goes on.
        """
        words = [self.moved(word) for word in shlex.split(command)]
        try:
            child = subprocess.Popen(
                words,
                cwd=self.workdir,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            output = f'OCI runtime exec failed: exec failed: exec: "{words[0]}": {error.strerror}: unknown\r\n'
            return _said(output, 126 if isinstance(error, PermissionError) else 127)
        printed: list[bytes] = []
        listener = threading.Thread(target=_listen, args=(child, printed), daemon=True)
        listener.start()
        listener.join(EXECUTE_S if limit_s is None else limit_s)
        code = None if listener.is_alive() else child.wait()
        return _said(b"".join(printed).decode(errors="replace"), code)

    def put(self, path: str, data: str) -> None:
        """Unpack; the archive travels in one websocket frame, which breaks when it is large."""
        target = self.inside(path)
        if not target.is_dir():
            raise Refusal(404, f"Could not find the file {path} in container {self.container.uuid}")
        try:
            content = base64.b64decode(data, validate=True)
            if len(content) > FRAME_BYTES:
                raise Refusal(500, "[Errno 32] Broken pipe")
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                archive.extractall(target, **({"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}))
        except (ValueError, tarfile.TarError) as error:
            raise Refusal(400, f"Invalid archive: {error}") from None

    def get(self, path: str) -> dict[str, Any]:
        """A folder: `tar cf - -C PATH .`. A file: `tar cf - NAME`, but in the container's working directory, so that
        any other file's archive is empty (Zun's Kubernetes driver, `get_archive`)."""
        source = self.inside(path)
        words = ["tar", "cf", "-", "-C", str(source), "."] if source.is_dir() else ["tar", "cf", "-", source.name]
        packed = subprocess.run(words, cwd=self.workdir, env=self.env, capture_output=True, check=False).stdout
        if len(packed) > FRAME_BYTES:
            raise Refusal(500, "[Errno 32] Broken pipe")
        return {
            "data": base64.b64encode(packed).decode(),
            "stat": {"name": path + ".tar", "size": len(packed), "mode": 0o644, "linkTarget": ""},
        }

    def stop(self) -> None:
        kill_marked("CHAMELEON_CONTAINER", self.folder)
        if self.main is not None:
            if self.main.poll() is None:
                self.main.send_signal(signal.SIGKILL)
            self.main.wait()


def _listen(child: subprocess.Popen[bytes], printed: list[bytes]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        printed.append(line)


def _said(output: str, code: int | None) -> dict[str, Any]:
    signalled = code is not None and code < 0
    return {"output": output, "exit_code": 128 - code if signalled else code, "exec_id": None, "proxy_url": None}  # type: ignore[operator]
