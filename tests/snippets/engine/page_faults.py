"""How often a process must fetch memory from the system again that it has freed."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import ctypes, resource
{imports}
library = ctypes.CDLL(None)
library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
library.free.argtypes = [ctypes.c_void_p]
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        block = library.malloc(64 << 20)
        ctypes.memset(block, 1, 16 << 20)
        library.free(block)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
first = faults()
{call}
faults()
print(first, faults())
"""


def page_faults(imports: str, call: str) -> tuple[int, int]:
    """Page faults of five large blocks in turn, 16 MiB of each used, before and after `call`, in another process."""
    script = SCRIPT.format(imports=imports, call=call)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    before, after = map(int, done.stdout.split())
    return before, after
