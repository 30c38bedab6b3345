"""Faults of a node: SSH to it, and the programs on it."""

from __future__ import annotations

from ..switch import Fault
from .words import AGAIN, COMMAND

NODE = (
    Fault(
        "server-never-reachable",
        "node",
        "the server is ACTIVE and its SSH port stays closed",
        "the node does not answer SSH: what was tried, how to look at its console",
    ),
    Fault("ssh-refused", "node", "connections are closed at once", "tried again, then given up with the address"),
    Fault("ssh-no-banner", "node", "connections are accepted and nothing is sent", "no banner within the time limit"),
    Fault("ssh-drop-at-banner", "node", "the connection closes after the banner", "dropped while signing in"),
    Fault("ssh-drop-at-auth", "node", "the connection closes during authentication", "dropped while signing in"),
    Fault(
        "keypair-mismatch",
        "node",
        "the node does not accept the user's key",
        "the key pair of the server is not this private key: which file, which key pair",
    ),
    Fault(
        "ssh-host-key-changed",
        "node",
        "the node shows another host key than before",
        "the host key changed: what to check, what to remove",
    ),
    Fault(
        "ssh-drop-before-command", "node", "the connection breaks before the command starts", AGAIN, defaults=COMMAND
    ),
    Fault(
        "ssh-drop-mid-command",
        "node",
        "the connection breaks `seconds` after the command started",
        AGAIN,
        defaults=COMMAND,
    ),
    Fault(
        "ssh-drop-after-command",
        "node",
        "the command ends, the connection breaks before its exit status",
        AGAIN,
        defaults=COMMAND,
    ),
    Fault(
        "ssh-session-hangs",
        "node",
        "the command never starts, the connection stays",
        "no answer in time",
        defaults=COMMAND,
    ),
    Fault("ssh-drop-in-upload", "node", "the connection breaks while a file is written", AGAIN),
    Fault("ssh-drop-in-download", "node", "the connection breaks while a file is read", AGAIN),
    Fault("tunnel-refused", "node", "port forwarding is refused", "the tunnel could not be opened"),
    Fault(
        "node-reboots",
        "node",
        "every process and connection of the node ends `seconds` after the command started",
        AGAIN,
        defaults=COMMAND,
    ),
    Fault(
        "node-command-fails",
        "node",
        "the command that `match` fits ends with `code` and `text` instead of running",
        "the command, its exit code, its last lines",
        defaults={"match": "", "code": 1, "text": "failed"},
    ),
    Fault(
        "node-disk-full",
        "node",
        "df says 100 %; apt-get, docker, git push, rsync, tar and SFTP writes fail so",
        "the node's disk is full: what takes the space",
    ),
    Fault("node-no-internet", "node", "curl cannot resolve names outside", "the node has no network"),
    Fault("node-clock-skew", "node", "`date` on the node is two hours ahead", "the node's clock is wrong"),
    Fault("sudo-asks-password", "node", "sudo asks for a password and fails", "the image's user may not use sudo"),
    Fault("apt-locked", "node", "apt-get: the lock is held by unattended-upgrades", AGAIN),
    Fault(
        "apt-locked-on-first-boot",
        "node",
        "apt-get: unattended-upgrades hold the lock for minutes; it gets through where it is told to wait",
        "nothing: apt waits for its lock",
    ),
    Fault("cloud-init-fails", "node", "cloud-init status --wait ends with 1", "nothing: the node goes on without"),
    Fault("firewall-off", "node", "firewall-cmd: not running", "nothing: there is no firewall to open"),
    Fault("firewall-refuses", "node", "firewall-cmd --add-port fails", "the port could not be opened, and why"),
    Fault("browser-install-fails", "node", "playwright install fails", "no browser: screenshots by hand"),
    Fault("docker-script-down", "node", "get.docker.com is answered 504", AGAIN),
    Fault("toolkit-mirror-down", "node", "the NVIDIA toolkit's mirror is answered 503", AGAIN),
    Fault(
        "container-loses-gpu",
        "node",
        "a container sees no GPU after systemd reloaded, unless Docker's cgroup driver is cgroupfs",
        "nothing: the driver is set",
    ),
    Fault("apt-no-network", "node", "apt-get update cannot resolve its mirror", AGAIN),
    Fault("docker-install-fails", "node", "installing Docker fails with 502 from its mirror", AGAIN),
    Fault("docker-daemon-down", "node", "docker cannot reach its daemon", "the Docker daemon does not run"),
    Fault("docker-pull-fails", "node", "docker pull: toomanyrequests", "the registry's pull limit; try later"),
    Fault("docker-build-fails", "node", "docker build fails", "the build's last lines"),
    Fault("service-fails", "node", "systemctl start fails", "the unit's name, how to read its log"),
    Fault("gpu-driver-missing", "node", "nvidia-smi cannot talk to the driver", "the image lacks the driver"),
    Fault(
        "gpu-missing",
        "node",
        "nvidia-smi sees no GPU from now on",
        "the node differs from its description: another node",
    ),
    Fault(
        "kernel-dies-on-node",
        "node",
        "the Jupyter kernel on the node is killed once it is `seconds` old",
        "the kernel died; finished steps are safe; `resume`",
        defaults={"seconds": 0.0},
    ),
)
