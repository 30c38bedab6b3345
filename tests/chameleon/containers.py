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
from pathlib import Path
from typing import Any

from .model import Container
from .node import kill_marked, machine_bin
from .wire import Refusal

FOLDERS = ("tmp", "root", "home", "work", "data", "srv", "opt", "app", "etc", "var", "mnt", "run", "workspace")
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

    def execute(self, command: str) -> dict[str, Any]:
        """One stream, as Zun answers: standard output and error together."""
        words = [self.moved(word) for word in shlex.split(command)]
        try:
            done = subprocess.run(
                words,
                cwd=self.workdir,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                check=False,
            )
            output, code = done.stdout.decode(errors="replace"), done.returncode
        except OSError as error:
            output, code = (
                f'OCI runtime exec failed: exec failed: exec: "{words[0]}": {error.strerror}: unknown\r\n',
                126 if isinstance(error, PermissionError) else 127,
            )
        return {"output": output, "exit_code": code if code >= 0 else 128 - code, "exec_id": None, "proxy_url": None}

    def put(self, path: str, data: str) -> None:
        target = self.inside(path)
        if not target.is_dir():
            raise Refusal(404, f"Could not find the file {path} in container {self.container.uuid}")
        try:
            content = base64.b64decode(data, validate=True)
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                archive.extractall(target, **({"filter": "tar"} if hasattr(tarfile, "tar_filter") else {}))
        except (ValueError, tarfile.TarError) as error:
            raise Refusal(400, f"Invalid archive: {error}") from None

    def get(self, path: str) -> dict[str, Any]:
        source = self.inside(path)
        if not source.exists():
            raise Refusal(404, f"Could not find the file {path} in container {self.container.uuid}")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(source, arcname=source.name)
        found = source.stat()
        return {
            "data": base64.b64encode(packed.getvalue()).decode(),
            "stat": {"name": source.name, "size": found.st_size, "mode": found.st_mode, "linkTarget": ""},
        }

    def stop(self) -> None:
        kill_marked("CHAMELEON_CONTAINER", self.folder)
        if self.main is not None:
            if self.main.poll() is None:
                self.main.send_signal(signal.SIGKILL)
            self.main.wait()
