"""Loops made into machine code by numba, and how many numbers one of its multiplications takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

# A multiplication of float32 numbers in machine code, by the width of its registers: x86 (%xmm 4, %ymm 8, %zmm 16
# numbers; `ps` packed, `ss` a single one), and Arm (v0.4s).
X86 = re.compile(r"\bv?(?:mul|fn?m(?:add|sub)\d*)(ps|ss)\b[^\n]*%([xyz])mm")
ARM = re.compile(r"\b(?:fmul|fml[as])\s+v\d+\.(\d)s")
WIDTH = {"x": 4, "y": 8, "z": 16}


def absence() -> str:
    """Why nothing can be compiled here, in words; empty where numba works."""
    try:
        import numba  # noqa: F401
    except ImportError as error:
        return f"numba cannot be loaded ({error}); `pip install numba` brings it"
    return ""


def compiled(function: Callable[..., Any], *, checked: bool = False) -> Callable[..., Any]:
    """`function` as machine code, made at its first call with each kind of arguments; other threads may run meanwhile.

    A multiplication and an addition may become one instruction, which rounds once in place of twice ("contract"); no
    other freedom is given: numbers are added in the order that the loops say. `checked`: an index beyond an array is an
    IndexError, as in Python; without, nobody looks. No code is kept for the next run: numba can't show what it made
    where it finds it made already, and these loops take a second.
    """
    import numba

    return numba.njit(boundscheck=checked, nogil=True, fastmath={"contract"})(function)


def numbers_at_once(function: Any) -> int:
    """Float32 numbers that the widest multiplication in the machine code of a `compiled` function takes; 1: no vectors.

    It was called before, so that there is code.
    """
    return widest("\n".join(function.inspect_asm().values()))


def widest(assembly: str) -> int:
    """As `numbers_at_once`, of the text of machine code."""
    x86 = (WIDTH[register] for kind, register in X86.findall(assembly) if kind == "ps")
    return max(1, *x86, *map(int, ARM.findall(assembly)), 1)


def matrices(side: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """a and b with numbers from 0 to 1, and c with zeros: float32 (side,side)."""
    chance = np.random.default_rng(seed)
    a, b = (chance.random((side, side), dtype=np.float32) for _ in range(2))
    return a, b, np.zeros((side, side), np.float32)
