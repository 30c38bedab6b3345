"""`servelab up` twice, and `servelab status`, on an emulated node: what repeating a command costs.

The first `up` prepares the node (Docker and packages are stand-ins there; JupyterLab really starts), the second finds
everything done. Targets: second `up` under 10 s, `status` under 1 s, python-chi's own import not counted.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from reserve.desk import Desk  # noqa: E402
from reserve.journal import Journal  # noqa: E402
from reserve.lease.wishes import LeaseWishes  # noqa: E402
from reserve.verbs.down import down  # noqa: E402
from reserve.verbs.reserve import reserve_block  # noqa: E402
from reserve.verbs.status import status  # noqa: E402
from reserve.verbs.up import up  # noqa: E402
from tests.chameleon import Emulator  # noqa: E402


def timed(what, *args):
    began = time.perf_counter()
    result = what(*args)
    return time.perf_counter() - began, result


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="servelab-bench-"))
    with Emulator(
        node_env={"SERVELAB_NODE_PYTHON": sys.executable, "SERVELAB_CACHE": str(Path.home() / ".cache/servelab")}
    ) as site:
        os.environ.update(site.env())
        desk = Desk(journal=Journal(folder), voice=lambda text: None)
        desk.site("CHI@TACC").sign_in()
        reserve_block(desk, "system", LeaseWishes(netid="bench", at_once=True))
        first_s, ready = timed(up, desk, "system")
        ready.machine.close()
        second_s, ready = timed(up, desk, "system")
        ready.machine.close()
        status_s, _ = timed(status, desk)
        down(desk, "system")
        site.assert_empty()
    print(
        f"first up {first_s:.1f} s, second up {second_s:.1f} s (target < 10 s), status {status_s:.2f} s (target < 1 s)"
    )
    return 0 if second_s < 10 and status_s < 1 else 1


if __name__ == "__main__":
    raise SystemExit(main())
