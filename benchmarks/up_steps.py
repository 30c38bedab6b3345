"""What `servelab up` spends its time on, step by step, on an emulated node: and which steps wait for the network.

Steps run as they would, but packages, Docker and the browser are stand-ins there: what waits for the network takes on
Chameleon what its downloads take. The others are measured here for real. Two ways are compared in one run: what the
part needs, and the same with Docker, the NVIDIA toolkit and Triton's image. Target: without the network, a node of
Part 1 is ready for its first step within 60 s of answering, so that four of the five minutes are left for downloads.
"""

import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reserve import hardware  # noqa: E402
from reserve.clock import Clock  # noqa: E402
from reserve.desk import Desk  # noqa: E402
from reserve.journal import Journal  # noqa: E402
from reserve.lease.leases import node_name, wait_active  # noqa: E402
from reserve.lease.wishes import LeaseWishes  # noqa: E402
from reserve.node.boot import ensure_node, reach  # noqa: E402
from reserve.node.checkout import pack  # noqa: E402
from reserve.node.preparation import tasks_for  # noqa: E402
from reserve.node.provision import examine, provision  # noqa: E402
from reserve.verbs.down import down  # noqa: E402
from reserve.verbs.reserve import reserve_block  # noqa: E402
from tests.chameleon import Emulator  # noqa: E402

TARGET_S = 60.0
PARTS = {"model": "compute_liqid", "system": "gpu_p100"}


def quiet(text: str) -> None:
    """Nothing is said: the steps are printed at the end."""


def steps_of(site: Emulator, part: str, images: tuple[str, ...]) -> list[tuple[str, float, bool]]:
    """(step, seconds, whether it waits for the network) of one `up` on a fresh node."""
    desk = Desk(journal=Journal(Path(tempfile.mkdtemp(prefix="servelab-bench-"))), voice=quiet)
    kind = replace(hardware.load()[PARTS[part]], images=images)
    began, found = time.perf_counter(), []

    def done(name: str, network: bool) -> None:
        nonlocal began
        found.append((name, time.perf_counter() - began, network))
        began = time.perf_counter()

    reserve_block(desk, part, LeaseWishes(netid="bench", at_once=True, site=kind.site))
    lease = wait_active(desk, desk.journal.lease_for_command(part), 120)
    done("lease", True)
    node = ensure_node(desk, lease, kind, node_name(part, "bench"))
    done("boot", True)
    machine = reach(desk, node)
    done("first answer", True)
    examine(machine, kind, Clock(), quiet)
    done("look at it", False)
    for task in tasks_for(kind, pack(desk.kit), desk.kit):
        provision(machine, [task], Clock(), quiet)
        done(task.name, task.network)
    machine.close()
    down(desk, part)
    return found


def main() -> int:
    """Print the steps; 1 if what does not wait for the network takes longer than the target."""
    slow = False
    node_env = {"SERVELAB_NODE_PYTHON": sys.executable, "SERVELAB_CACHE": str(Path.home() / ".cache/servelab")}
    with Emulator(node_env=node_env) as site:
        os.environ.update(site.env())
        for part, images in (("model", ()), ("model", ("triton",)), ("system", ()), ("system", ("triton",))):
            steps = steps_of(site, part, images)
            print(f"\n{part}{' with Docker, toolkit and image' if images else ''}")
            for name, seconds, network in steps:
                print(f"  {name:20} {seconds:6.2f} s{'   waits for the network' if network else ''}")
            here_s = sum(seconds for name, seconds, network in steps if not network)
            waits = [name for name, _, network in steps[3:] if network]
            print(f"  not waiting for the network: {here_s:.1f} s (target < {TARGET_S:.0f} s)")
            print(f"  waiting for it: {', '.join(waits)}")
            slow |= here_s > TARGET_S
        site.assert_empty()
    return int(slow)


if __name__ == "__main__":
    raise SystemExit(main())
