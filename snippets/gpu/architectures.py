"""For which GPUs a CUDA library holds code, read from its file: no GPU and no CUDA toolkit are needed.

A library carries machine code ("sass") for the GPUs that it was built for, and perhaps one intermediate form ("ptx")
that a driver translates for newer ones. Code for 6.0 is what a P100 needs: without it a kernel ends in "no kernel image
is available for execution on the device". The containers ("fatbin") are found by their header, as `cuobjdump` does; its
fields are those of CUDA's own fatbinary header, and those of an entry were read off files whose contents are known.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

MAGIC = struct.pack("<I", 0xBA55ED50)
# magic, version, size of the header, size of all entries
HEADER = struct.Struct("<IHHQ")
# kind, version, size of the entry's header, size of its code; its architecture stands ARCHITECTURE_AT bytes in
ENTRY = struct.Struct("<HHIQ")
ARCHITECTURE_AT = 28
PTX, SASS = 1, 2


@dataclass(frozen=True)
class CodeFor:
    """Compute capabilities as numbers (60 is 6.0): `sass` in machine code, `ptx` in the form for newer GPUs."""

    sass: frozenset[int]
    ptx: frozenset[int]

    def runs_on(self, major: int, minor: int) -> bool:
        """Whether a GPU of this compute capability finds code: its major version's up to its own, or older ptx."""
        own = 10 * major + minor
        return any(each // 10 == major and each <= own for each in self.sass) or any(each <= own for each in self.ptx)

    def __str__(self) -> str:
        words = [f"sm_{each}" for each in sorted(self.sass)] + [f"compute_{each}" for each in sorted(self.ptx)]
        return ", ".join(words) or "no GPU"


def code_in(library: Path) -> CodeFor:
    """What a shared library holds. Raises OSError for a file that cannot be read; one without CUDA code holds none."""
    found: dict[int, set[int]] = {PTX: set(), SASS: set()}
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(MAGIC)
        while at != -1:
            end = _entries(data, at, found)
            at = data.find(MAGIC, end)
    return CodeFor(frozenset(found[SASS]), frozenset(found[PTX]))


def _entries(data: mmap.mmap, at: int, found: dict[int, set[int]]) -> int:
    """Add the entries of the container at `at`; returns where to look for the next one."""
    if at + HEADER.size > len(data):
        return len(data)
    _, version, header, size = HEADER.unpack_from(data, at)
    entry, end = at + header, at + header + size
    if version != 1 or header != HEADER.size or end > len(data):
        return at + len(MAGIC)  # four bytes that only look like it
    while entry + ARCHITECTURE_AT + 4 <= end:
        kind, _, own, code = ENTRY.unpack_from(data, entry)
        if kind not in found or own < ARCHITECTURE_AT:
            break
        found[kind].add(struct.unpack_from("<I", data, entry + ARCHITECTURE_AT)[0])
        entry += own + code
    return end
