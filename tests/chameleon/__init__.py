"""An emulated Chameleon for tests: HTTP services on loopback that unmodified python-chi talks to, nodes over SSH.

    with Emulator() as emulator:
        os.environ.update(emulator.env())              # before `import chi`
        emulator.faults.on("server-error", times=1)    # faults/ lists them
        emulator.clock.advance(hours=3)                # leases end, tokens expire
        emulator.nodes.of("node-serve-model-me").calls()   # what sudo, apt-get, docker ... were asked
        emulator.assert_empty()                        # nothing of the student's is left

- Sites: CHI@TACC (2 compute_liqid, 2 gpu_p100, 1 gpu_mi100, 1 gpu_h100), CHI@UC (1 compute_gigaio), CHI@Edge (2
  Raspberry Pi 5), KVM@TACC (virtual machines by flavor: 2 g1.h100.pci.1, 4 g1.h100.vgpu.1g.12gb). Hosts, leases, key
  pairs and addresses of one site are unknown at the others; sign-in and catalog are shared. The list of sites leaves
  KVM@TACC out, as the real one does: sign in with `env("KVM@TACC")`.
- Delays are those of Chameleon divided by `speed`: boot 15 min, SSH 2 min later, a lease's start 5 s.
  `Emulator(frozen=True, speed=1)` keeps them whole and lets time pass only by `clock.advance`.
- `emulator.state.book("p100-01", start, end)`: somebody else's lease. `emulator.state.end_lease(name)`: ends early.
- `emulator.state.requests`: (site, service, method, path, status) of every request so far.
- A node's commands run as the current user in a scratch home directory: `$HOME`, not /home/cc. `sudo` moves paths
  below /etc, /var, /opt, /srv, /root, /mnt and /usr/local into the node's folder; other absolute paths are the
  machine's own. `sudo`, `apt-get`, `docker` (once installed), `systemctl`, `nvidia-smi`, `curl` and a few more are
  stand-ins from node_bin/, which record their calls; every other program is the machine's.
- It is as unkind as the services' public sources: Zun (Kubernetes) listens to a command for 5 s, finds a file's
  archive in the working directory only, and breaks on archives over 1 MiB; a request's head has at most 4,096 bytes;
  leases last 7 days and are extended in their last 48 hours; a node's firewall lets only SSH in; a virtual machine is
  reached at no port before a security group lets it in.
- `python -m tests.chameleon` serves one to try commands by hand; `--faults` lists the faults.

What it is held to: recorded/openstack.json, answers of real services to conversation.py, and recorded/branch.json,
facts about Chameleon's own Blazar. Reservations of flavors and addresses, their private flavors and security groups
answer as Blazar 18, Nova and Neutron did when they were asked; the calendar of flavors stands in the newest sources of
Chameleon's Blazar. Not recorded anywhere, and so not to be relied on: Cinder, Zun's error bodies, quota messages, and
the wording of Chameleon's lease limits, which is that of its sources.
"""

from .clock import Clock
from .emulator import Emulator
from .seed import more_hosts

__all__ = ["Clock", "Emulator", "more_hosts"]
