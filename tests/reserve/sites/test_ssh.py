"""Keys of SSH: which one signs in, and that a node is the one it was. Connections break in node/test_node_faults."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reserve.errors import CredentialsError, SiteError
from reserve.site import Node
from reserve.sites.ssh import HostKeys, find_key, public_key, ssh_port

NODE = Node("s1", "node-x", "CHI@TACC", "server", "ACTIVE", address="1.2.3.4")


@pytest.fixture(autouse=True)
def fresh_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    for name in ("OS_KEYPAIR_PRIVATE_KEY", "SSH_AUTH_SOCK", "SERVELAB_SSH_PORT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "user" / ".ssh").mkdir(parents=True)
    (tmp_path / "state").mkdir()


def test_without_any_key_one_is_made_for_the_user_only_and_used_again(tmp_path: Path) -> None:
    made = find_key("", tmp_path / "state")
    assert made == tmp_path / "state" / "id_ed25519" and made.stat().st_mode & 0o077 == 0
    text = made.read_text()
    assert find_key("", tmp_path / "state").read_text() == text
    assert public_key(made).startswith("ssh-ed25519 AAAA")


def test_the_users_own_key_comes_before_a_made_one_and_a_named_one_before_all(tmp_path: Path, monkeypatch) -> None:
    made = find_key("", tmp_path / "state")
    own = tmp_path / "user" / ".ssh" / "id_ed25519"
    own.write_text(made.read_text())
    assert find_key("", tmp_path / "state") == made, "a private key without its public one is not used"
    own.with_suffix(".pub").write_text(public_key(made))
    assert find_key("", tmp_path / "state") == own
    monkeypatch.setenv("OS_KEYPAIR_PRIVATE_KEY", str(made))
    assert find_key("", tmp_path / "state") == made
    with pytest.raises(CredentialsError, match="no private key at .*/nowhere.*--key"):
        find_key("~/nowhere", tmp_path / "state")


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An SSH agent that holds nothing yet, as desktops start one for everybody."""
    if not shutil.which("ssh-agent"):
        pytest.skip("no ssh-agent here")
    folder = Path(tempfile.mkdtemp())  # a socket's path must be short
    monkeypatch.setenv("SSH_AUTH_SOCK", str(folder / "s"))
    running = subprocess.Popen(["ssh-agent", "-D", "-a", str(folder / "s")], stdout=subprocess.DEVNULL)
    while not (folder / "s").exists():
        time.sleep(0.01)
    yield
    running.terminate()
    running.wait()
    shutil.rmtree(folder)


def test_a_key_that_asks_for_a_passphrase_is_used_only_where_the_agent_holds_that_key(tmp_path: Path, agent) -> None:
    locked = tmp_path / "user" / ".ssh" / "id_ed25519"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-f", str(locked)]
    subprocess.run([*make, "-N", ""], check=True)
    subprocess.run(["ssh-add", "-q", str(locked)], check=True)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "a phrase", "-f", str(locked)], check=True)
    assert find_key("", tmp_path / "state") == find_key(str(locked), tmp_path / "state") == locked
    subprocess.run(["ssh-add", "-q", "-D"], check=True)
    assert find_key("", tmp_path / "state").parent.name == "state"
    with pytest.raises(CredentialsError, match="has a passphrase, and no SSH agent holds it: `ssh-add .*leave it out"):
        find_key(str(locked), tmp_path / "state")


def test_the_public_key_is_the_one_beside_or_derived(tmp_path: Path) -> None:
    made = find_key("", tmp_path / "state")
    beside = public_key(made)
    made.with_suffix(".pub").unlink()
    assert public_key(made).split()[:2] == beside.split()[:2]
    (tmp_path / "junk").write_text("junk")
    with pytest.raises(CredentialsError, match="junk cannot be read .*--key"):
        public_key(tmp_path / "junk")


class Key:
    def __init__(self, text: str) -> None:
        self.text = text

    def get_name(self) -> str:
        return "ssh-ed25519"

    def get_base64(self) -> str:
        return self.text


def test_a_host_key_is_pinned_on_first_use_and_any_other_refused(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path)
    assert keys.known() == {}
    keys.check(NODE, Key("one"))
    keys.check(NODE, Key("one"))
    with pytest.raises(SiteError, match="node-x at 1.2.3.4 now shows another host key.*Nothing was sent"):
        HostKeys(tmp_path).check(NODE, Key("two"))
    assert keys.known() == {"s1": "ssh-ed25519 one"}


def test_an_address_that_is_used_again_for_another_node_is_no_trouble(tmp_path: Path) -> None:
    keys = HostKeys(tmp_path)
    keys.check(NODE, Key("one"))
    keys.check(Node("s2", "node-y", "CHI@TACC", "server", "ACTIVE", address="1.2.3.4"), Key("two"))
    assert set(keys.known()) == {"s1", "s2"}
    (tmp_path / "host_keys.json").write_text("{torn")
    assert keys.known() == {}


def test_the_port_is_22_unless_the_environment_names_another(monkeypatch) -> None:
    assert ssh_port() == 22
    monkeypatch.setenv("SERVELAB_SSH_PORT", "2222")
    assert ssh_port() == 2222
