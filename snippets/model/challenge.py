"""A run's challenge: images that nobody chose, which its model must answer.

The images are drawn from the student's code and from the run's chain as it stands. So the answers belong to this
student and to these measurements: whoever copies a run, or edits one afterwards, would have to answer other images.
Staff draw the same images again and let the model answer them. The idea is that of MLPerf's audit tests (TEST01 and
TEST05: logged outputs, other seeds).

A course gives each student a code (`servelab challenge`); without one the images are drawn from the chain alone.
Needs numpy only, as a Raspberry Pi has no more.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.data.image import SIDE, preprocess
from snippets.errors import UsageError

if TYPE_CHECKING:
    from snippets.record.read import Record
    from snippets.record.run import Run

CODE_VARIABLE = "SERVELAB_CHALLENGE"
SIGNS, CHECKED = 16, 2
"""Signs of a code in base 32: those that tell, and those that show a slip of the pen."""
IMAGES = 6
TILES = (2, 4)
"""The images are mosaics of 2x2 and 4x4 tiles in turn: their logits differ by more than those of other hardware do."""
STEP = re.compile(r"challenge/\w+/logits")
_SLIPS = str.maketrans("018", "OIB")


def written(secret: bytes) -> str:
    """At least 10 random bytes as a code, `ABCDEF-GHIJKL-MNOPQR`: 80 bits and two signs that check them."""
    signs = base64.b32encode(secret[: SIGNS * 5 // 8]).decode()
    whole = signs + _check(signs)
    return "-".join(whole[place : place + 6] for place in range(0, len(whole), 6))


def _check(signs: str) -> str:
    return base64.b32encode(hashlib.sha256(signs.encode()).digest()).decode()[:CHECKED]


def read_code(text: str) -> str:
    """A code as people type it, in the form of `written`; empty for none. Raises UsageError for what is no code."""
    plain = re.sub(r"[\s\-]", "", text).upper().translate(_SLIPS)
    if not plain:
        return ""
    if not re.fullmatch(rf"[A-Z2-7]{{{SIGNS + CHECKED}}}", plain) or _check(plain[:SIGNS]) != plain[SIGNS:]:
        raise UsageError(
            f"{text.strip()[:40]!r} is no challenge code: one has {SIGNS + CHECKED} letters and digits, as in "
            f"{written(bytes(10))}. Copy the one that your course gave you once more, or leave it out."
        )
    return written(base64.b32decode(plain[:SIGNS]))


def code_of_student(text: str = "", environment: Mapping[str, str] = os.environ) -> str:
    """The code that was given, else that in $SERVELAB_CHALLENGE; empty for none. Raises UsageError for no code."""
    return read_code(text or environment.get(CODE_VARIABLE, ""))


def drawn(code: str, part: str, link: str) -> np.ndarray:
    """The images of a code (empty: none), a part, and the chain's last hash: uint8 (IMAGES,224,224,3), the same
    everywhere."""
    seed = hmac.new(code.encode(), f"{part} {link}".encode(), hashlib.sha256).digest()
    images = np.empty((IMAGES, SIDE, SIDE, 3), dtype=np.uint8)
    for number in range(IMAGES):
        tiles = TILES[number % len(TILES)]
        colours = hashlib.shake_256(seed + bytes([number])).digest(tiles * tiles * 3)
        mosaic = np.frombuffer(colours, dtype=np.uint8).reshape(tiles, tiles, 3)
        images[number] = mosaic.repeat(SIDE // tiles, axis=0).repeat(SIDE // tiles, axis=1)
    return images


def answer(run: Run, name: str, model: Path, logits: Callable[[np.ndarray], np.ndarray], code: str = "") -> str:
    """Let the run's model answer its challenge: step `challenge/<name>/logits`; what was done, in a sentence.

    `logits` takes float32 (IMAGES,3,224,224) and gives (IMAGES,classes); `model`: the file behind it. `code`: the
    student's ('': $SERVELAB_CHALLENGE, or the one with which the run answered before). Raises UsageError for no code.
    """
    code = code_of_student(code) or _code_before(run.record(), name)

    def ask() -> dict[str, Any]:
        images = preprocess(drawn(code, run.part, run.record().digest))
        return {"logits": np.asarray(logits(images), dtype=np.float32)}

    made = run.step(f"challenge/{name}/logits", ask, inputs={"code": code, "model": model})
    whose = f"your code {code}" if code else "this run alone (your course may have given you a code)"
    return f"{len(made['logits'])} images, drawn for {whose}, were answered by {model.name}."


def _code_before(record: Record, name: str) -> str:
    step = record.latest(f"challenge/{name}/logits")
    return str(step.inputs.get("code", "")) if step else ""
