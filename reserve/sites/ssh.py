"""SSH to a node: one connection, every wait bounded, the node's host key pinned on first use."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from reserve.errors import ConnectionLost, CredentialsError, NodeCommandFailed, SiteError, WaitedTooLong
from reserve.site import CommandResult, Node, OnLine, packing
from reserve.sites.tunnel import Tunnel
from snippets.files import write_atomic

CONNECT_S = 15.0
KEEPALIVE_S = 15


def ssh_port() -> int:
    """22; SERVELAB_SSH_PORT names another, for a gateway or a test."""
    return int(os.environ.get("SERVELAB_SSH_PORT", "22"))


def has_agent() -> bool:
    """Whether an SSH agent, which holds keys that are open already, is told of by $SSH_AUTH_SOCK."""
    return bool(os.environ.get("SSH_AUTH_SOCK"))


def agent_holds(private: Path) -> bool:
    """Whether the agent has this very key: desktops set $SSH_AUTH_SOCK also where their agent holds none."""
    beside = Path(f"{private}.pub")
    if not has_agent() or not beside.is_file():
        return False
    import paramiko

    wanted = beside.read_text(encoding="utf-8").split()[1:2]
    try:
        return any([key.get_base64()] == wanted for key in paramiko.Agent().get_keys())
    except (paramiko.SSHException, OSError):
        return False


def find_key(named: str, folder: Path) -> Path:
    """The private key to sign in with: the named one, the JupyterHub's, the user's, else one made in `folder`."""
    given = named or os.environ.get("OS_KEYPAIR_PRIVATE_KEY", "")
    if given:
        path = Path(given).expanduser()
        if not path.is_file():
            raise CredentialsError(f"there is no private key at {path}. Name an existing one with --key.")
        if _has_passphrase(path) and not agent_holds(path):
            raise CredentialsError(
                f"the private key {path} has a passphrase, and no SSH agent holds it: `ssh-add {path}` first, or leave "
                "it out, and a key of this kit's own is made."
            )
        return path
    for name in ("id_ed25519", "id_ecdsa", "id_rsa"):
        path = Path.home() / ".ssh" / name
        if path.is_file() and path.with_suffix(".pub").is_file() and (_is_open(path) or agent_holds(path)):
            return path
    own = folder / "id_ed25519"
    if not own.is_file():
        _generate(own)
    return own


def _is_open(path: Path) -> bool:
    """Whether the key can be read as it is, without a passphrase."""
    import paramiko

    try:
        paramiko.PKey.from_path(path)
    except Exception:
        return False
    return True


def _has_passphrase(path: Path) -> bool:
    import paramiko

    try:
        paramiko.PKey.from_path(path)
    except (paramiko.PasswordRequiredException, TypeError):  # TypeError: cryptography's own word for it
        return True
    except Exception:
        return False
    return False


def _generate(path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    path.with_suffix(".pub").write_bytes(public + b" servelab\n")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as handle:
        handle.write(private)


def public_key(private: Path) -> str:
    """The OpenSSH public key beside a private key, or derived from it."""
    beside = Path(f"{private}.pub")
    if beside.is_file():
        return beside.read_text(encoding="utf-8").strip()
    import paramiko

    try:
        key = paramiko.PKey.from_path(private)
    except Exception as error:
        raise CredentialsError(
            f"the private key {private} cannot be read ({type(error).__name__}), and {beside} is missing. "
            "Name another key with --key."
        ) from None
    return f"{key.get_name()} {key.get_base64()}"


class HostKeys:
    """The host key of every node, by the node's id (addresses are used again for other nodes)."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "host_keys.json"

    def known(self) -> dict[str, str]:
        """Pinned keys by node id; none if there is no file, or a damaged one."""
        try:
            return dict(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def check(self, node: Node, key: Any) -> None:
        """Pin on first use; afterwards a SiteError for any other key."""
        known, offered = self.known(), f"{key.get_name()} {key.get_base64()}"
        pinned = known.get(node.id, offered)
        if pinned != offered:
            raise SiteError(
                f"{node.name} at {node.address} now shows another host key than on first use: it is not the same "
                "machine. Nothing was sent to it. If you had it rebuilt on the dashboard, run `servelab down` and "
                "`up`."
            )
        if node.id not in known:
            text = json.dumps({**known, node.id: offered}, indent=1)
            write_atomic(self.path, text.encode(), setting="SERVELAB_STATE")


class SshMachine:
    """The Machine contract over one SSH connection, made again when it broke. What runs there takes the time of this
    world, so its limits are held by no clock that a test moves."""

    batch_bytes = 64_000_000

    def __init__(self, node: Node, key: Path, host_keys: HostKeys, port: int | None = None) -> None:
        self.node, self.name = node, node.name
        self.key, self._host_keys, self._port = key, host_keys, port or ssh_port()
        self._client: Any = None
        self.connections = 0
        self._transport()
        self.home = self.run("pwd").output.strip().splitlines()[-1]

    def _transport(self) -> Any:
        if self._client is not None:
            transport = self._client.get_transport()
            if transport is not None and transport.is_active():
                return transport
            self.close()
        import paramiko

        host_keys, node, trouble = self._host_keys, self.node, []

        class Pinned(paramiko.MissingHostKeyPolicy):
            def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
                """Ask our own list of host keys; raises SSHException, after keeping what the list said, for another."""
                try:
                    host_keys.check(node, key)
                except SiteError as error:
                    trouble.append(error)
                    raise paramiko.SSHException("host key") from None

        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(Pinned())
        try:
            client.connect(
                node.address,
                port=self._port,
                username=node.user or "cc",
                key_filename=str(self.key),
                timeout=CONNECT_S,
                banner_timeout=CONNECT_S,
                auth_timeout=CONNECT_S,
                channel_timeout=CONNECT_S,
                look_for_keys=False,
                allow_agent=has_agent(),
            )
        except paramiko.AuthenticationException as error:
            client.close()
            if "shut down" in str(error) or "EOF" in str(error):
                raise ConnectionLost(
                    f"{self.name} closed the connection during the sign-in. Repeat the command."
                ) from None
            raise CredentialsError(
                f"{self.name} does not accept the key {self.key} for user {node.user}: it was made with another key. "
                "Name that key with --key, or run `servelab down` and `servelab up` to make the node with this one."
            ) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            client.close()
            if trouble:
                raise trouble[0] from None
            raise ConnectionLost(
                f"no SSH to {self.name} at {node.address}: {error or type(error).__name__}. Repeat the command; if "
                "it stays so, look at the node's console on the dashboard, or `servelab down` and try another node."
            ) from None
        transport = client.get_transport()
        assert transport is not None
        transport.set_keepalive(KEEPALIVE_S)
        self._client = client
        self.connections += 1
        return transport

    def _exec(
        self, command: str, timeout_s: float, stdin: bytes = b"", on_line: OnLine | None = None, combine: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run; returns status, output, and the error stream where it was kept apart."""
        import paramiko

        deadline = time.monotonic() + timeout_s
        chunks: list[bytes] = []
        errors: list[bytes] = []
        pending = b""
        try:
            channel = self._transport().open_session(timeout=CONNECT_S)
            channel.set_combine_stderr(combine)
            channel.settimeout(0.5)
            channel.exec_command(command)
            sent = 0
            while True:
                if sent < len(stdin) and channel.send_ready():
                    with suppress(TimeoutError):
                        sent += channel.send(stdin[sent : sent + 65536])
                    if sent >= len(stdin):
                        channel.shutdown_write()
                while channel.recv_stderr_ready():
                    errors.append(channel.recv_stderr(65536))
                try:
                    data = channel.recv(65536) if sent >= len(stdin) or channel.recv_ready() else None
                except TimeoutError:
                    data = None
                if data == b"":
                    break
                if data:
                    chunks.append(data)
                    if on_line:
                        *lines, pending = (pending + data).split(b"\n")
                        for line in lines:
                            on_line(line.decode(errors="replace"))
                if data is None and not channel.get_transport().is_active():
                    raise EOFError
                if time.monotonic() > deadline:
                    channel.close()
                    self.close()
                    raise WaitedTooLong(
                        f"a command on {self.name} gave no end within {timeout_s:.0f} s: "
                        f"{command[:80]!r}. Repeat the command: what was finished is kept."
                    )
            if pending and on_line:
                on_line(pending.decode(errors="replace"))
            while channel.recv_stderr_ready():
                errors.append(channel.recv_stderr(65536))
            if not channel.status_event.wait(CONNECT_S) or channel.exit_status < 0:
                raise EOFError
            return int(channel.exit_status), b"".join(chunks), b"".join(errors)
        except (paramiko.SSHException, OSError, EOFError) as error:
            self.close()
            raise ConnectionLost(
                f"the SSH connection to {self.name} broke ({error or 'closed by the node'}). "
                "Repeat the command: it goes on where it stopped."
            ) from None

    def run(
        self, command: str, *, timeout_s: float = 60.0, check: bool = True, on_line: OnLine | None = None
    ) -> CommandResult:
        """Run over the connection, with both streams in one. Raises as `Machine.run`."""
        status, raw, _ = self._exec(command, timeout_s, on_line=on_line)
        output = raw.decode(errors="replace")
        result = CommandResult(status, output)
        return result.succeeded(self.name) if check else result

    def push(self, archive: bytes, folder: str) -> None:
        """Unpack there with `tar`, at most 10 minutes long. Raises NodeCommandFailed with what it said."""
        place = shlex.quote(folder)
        zipped = "z" if archive[:2] == b"\x1f\x8b" else ""
        command = f"mkdir -p {place} && tar -x{zipped}f - -C {place}"
        status, output, _ = self._exec(command, 600.0, stdin=archive)
        if status != 0:
            text = output.decode(errors="replace")[-300:].strip()
            raise NodeCommandFailed(
                f"{self.name} could not unpack files into {folder}: {text}", status=status, output=text
            )

    def pull(self, folder: str, names: Sequence[str]) -> bytes:
        """Pack there with `tar` (see `packing`), at most 10 minutes long. Raises NodeCommandFailed."""
        listing = ("\n".join(names) + "\n").encode()
        status, output, errors = self._exec(packing(folder), 600.0, stdin=listing, combine=False)
        if status != 0:
            text = errors.decode(errors="replace")[-300:].strip()
            raise NodeCommandFailed(f"{self.name} could not pack {folder}: {text}", status=status, output=text)
        return output

    def tunnel(self, remote_port: int, local_port: int = 0) -> Tunnel:
        """Forward 127.0.0.1:local_port here to 127.0.0.1:remote_port on the node."""
        return Tunnel(self._transport(), remote_port, local_port)

    def close(self) -> None:
        """Close the connection; the next command makes a new one."""
        if self._client is not None:
            with suppress(Exception):
                self._client.close()
            self._client = None
