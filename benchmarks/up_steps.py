"""What `servelab up` spends its time on, step by step, on an emulated node: one step after the other, and at once.

Both ways are measured in one run, each on a fresh node. Steps run as they would there, over SSH; what comes from the
internet is a stand-in that takes the seconds of TAKES. Python's packages took so long on two cores (`.[a100]`, 7.9 GB
unpacked; pip takes 129 s for the same); the rest is assumed. Targets: a node of Part 1 is ready within 5 minutes of its
first answer, and at once takes less than one after the other.
"""

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reserve import hardware  # noqa: E402
from reserve.clock import Clock  # noqa: E402
from reserve.desk import Desk  # noqa: E402
from reserve.hardware import Hardware  # noqa: E402
from reserve.journal import Journal  # noqa: E402
from reserve.lease.leases import node_name, wait_active  # noqa: E402
from reserve.lease.wishes import LeaseWishes  # noqa: E402
from reserve.node.boot import ensure_node, reach  # noqa: E402
from reserve.node.checkout import pack  # noqa: E402
from reserve.node.preparation import look, tasks_for  # noqa: E402
from reserve.node.provision import provision  # noqa: E402
from reserve.site import Machine  # noqa: E402
from reserve.verbs.down import down  # noqa: E402
from reserve.verbs.reserve import reserve_block  # noqa: E402
from tests.chameleon import Emulator  # noqa: E402

TARGET_S = 300.0
# Seconds of a call whose words these are; the first that fits counts.
TAKES = (
    (0, "sudo "),  # what it calls counts itself
    (3, "nvidia-smi"),
    (5, "apt-get update"),
    (25, "apt-get install -y -q g++"),
    (40, "apt-get install -y docker-ce"),
    (15, "apt-get install -y -q nvidia-container-toolkit"),
    (30, "playwright install"),
    (240, "docker build"),
    (20, "pip install --disable-pip-version-check --progress-bar off --no-deps tensorrt"),
    (4, "pip install --disable-pip-version-check"),
    (52, "uv pip install"),
)
PYTHON3 = """#!/bin/sh
# Makes environments whose pip takes its time and installs nothing; everything else is this Python.
if [ "$1 $2" = "-m venv" ]; then
  mkdir -p "$3/bin"
  cp "$0" "$3/bin/python"
  exit 0
fi
case "$*" in *"pip install"*) . "$CHAMELEON_NODE/bin/lib.sh"; record "$@"; exit 0 ;; esac
exec {python} "$@"
"""


@dataclass
class Timed:
    """Begin and end of each step, in seconds, by the words that are said of it."""

    began: float
    spans: dict[str, tuple[float, float]]

    def say(self, text: str) -> None:
        """`  NAME: what it does` begins a step, `  NAME: done in ...` ends it."""
        found = re.match(r"  (\S+): (.*)", text)
        if not found:
            return
        name, now = found[1], time.perf_counter() - self.began
        if name not in self.spans:
            self.spans[name] = (now, now)
        elif re.match("done in|left out", found[2]):
            self.spans[name] = (self.spans[name][0], now)


def prepared(site: Emulator, kind: Hardware, at_once: bool) -> tuple[float, list[tuple[str, float, float, bool]]]:
    """Seconds from the first answer of a fresh node until it is ready; (step, begin, end, whether it waits for the
    network)."""
    desk = Desk(journal=Journal(Path(tempfile.mkdtemp(prefix="servelab-bench-"))), voice=lambda text: None)
    reserve_block(desk, kind.part, LeaseWishes(netid="bench", at_once=True, site=kind.site))
    lease = wait_active(desk, desk.journal.lease_for_command(kind.part), 120)
    node = ensure_node(desk, lease, kind, node_name(kind.part, "bench"))
    machine = reach(desk, node)
    another: Callable[[], Machine] | None = (lambda: desk.site(kind.site).open(node)) if at_once else None
    timed = Timed(time.perf_counter(), {})
    tasks = [look(kind, Clock(), lambda text: None), *tasks_for(kind, pack(desk.kit), desk.kit)]
    provision(machine, tasks, Clock(), timed.say, another)
    ready_s = time.perf_counter() - timed.began
    machine.close()
    down(desk, kind.part)
    network = {task.name for task in tasks if task.network}
    return ready_s, [(name, *span, name in network) for name, span in timed.spans.items()]


def compare(what: str, kind: Hardware, folder: Path, share: float) -> tuple[float, float]:
    """(one after the other, at once) in seconds, printed step by step. The network takes `share` of TAKES."""
    takes = folder / "takes"
    takes.write_text("".join(f"{seconds * share:.2f} {words}\n" for seconds, words in TAKES))
    node_env = {"CHAMELEON_TAKES": str(takes), "SERVELAB_CACHE": str(Path.home() / ".cache/servelab")}
    took = []
    for way, at_once in (("one after the other", False), ("at once", True)):
        with Emulator(node_path=(folder / "bin",), node_env=node_env) as site:
            os.environ.update(site.env())
            ready_s, steps = prepared(site, kind, at_once)
            site.assert_empty()
        print(f"\n{what}, {way}: ready {ready_s:.1f} s after the first answer")
        for name, begin, end, network in steps:
            print(f"  {name:38} {begin:6.1f} to {end:6.1f} s{'   waits for the network' if network else ''}")
        took.append(ready_s)
    print(f"{what}: at once takes {took[1] / took[0]:.2f} of the time of one after the other")
    return took[0], took[1]


def main() -> int:
    """Print the steps; 1 if a target is missed."""
    table = hardware.load()
    model = table["compute_liqid"]
    # The pins of an environment that is not really installed are not looked at.
    system = replace(table["gpu_p100"], images=("triton",), pins={"python": "3.11"})
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as name:
        folder = Path(name)
        (folder / "bin").mkdir()
        python3 = folder / "bin" / "python3"
        python3.write_text(PYTHON3.replace("{python}", sys.executable))
        python3.chmod(0o755)
        first, model_s = compare("Part 1", model, folder, 1.0)
        second, system_s = compare(
            "Part 3 with Docker and Triton's image, a tenth of the network's time", system, folder, 0.1
        )
    print(f"\nPart 1 is ready for its first step within {model_s:.0f} s (target < {TARGET_S:.0f} s)")
    return int(not (model_s < TARGET_S and model_s < first and system_s < second))


if __name__ == "__main__":
    raise SystemExit(main())
