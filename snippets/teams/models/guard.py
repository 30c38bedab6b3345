"""What a platform does to a process that takes too much memory or too long: end it, at once and without asking.

On a rack the kernel (out of memory) and a liveness probe do so from outside; here a thread does it from inside, so that
it is the same wherever the server runs. It has a say as long as the other threads let Python go on now and then.
"""

import os
import signal
import threading
import time
from pathlib import Path

LOOK_S = 0.02
PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_mb():
    """The memory that this process holds, in MB (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


class Guard:
    """Ends the process once it holds `room_mb` more than when it began, or an execution takes longer than `limit_s`.

    with guard: ...     # an execution
    """

    def __init__(self, room_mb, limit_s):
        self.most_mb, self.limit_s, self.began = resident_mb() + room_mb, limit_s, None
        threading.Thread(target=self._look, daemon=True).start()

    def __enter__(self):
        self.began = time.monotonic()

    def __exit__(self, *_):
        self.began = None

    def _look(self):
        while True:
            time.sleep(LOOK_S)
            began = self.began
            too_long = began is not None and time.monotonic() - began > self.limit_s
            if too_long or resident_mb() > self.most_mb:
                os.kill(os.getpid(), signal.SIGKILL)
