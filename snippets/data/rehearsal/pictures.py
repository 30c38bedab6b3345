"""The rehearsal set: a small stand-in for Food-11, drawn rather than downloaded.

2,090 pictures of 224x224 in Food-11's own folder layout (training, validation, evaluation; a folder for
each class), identical on every machine. Nuisance (table, plate, light, scale, rotation, hue, occlusion, blur,
noise, a second dish beside the first) makes the task neither trivial nor hopeless: the dish that
takes most of the plate names the picture, and it is sometimes a close call.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageFilter

from snippets.data.food11_classes import CLASSES
from snippets.data.image import SIDE
from snippets.data.progress import progress_bar
from snippets.data.rehearsal.dishes import DISHES
from snippets.data.rehearsal.pen import COS, SIN, Colour, Dice, Pen, mix, shade
from snippets.errors import DataError
from snippets.files import building, sha256_text
from snippets.machine.host import cores
from snippets.parts import KIT

# Pictures per split. Each class gets an equal share.
COUNTS = {"training": 1100, "validation": 330, "evaluation": 660}
# Raise this whenever a change alters any pixel: it names the cache folder.
VERSION = 1
# Drawn at twice the size and averaged down: smooth edges from plain polygons.
CANVAS = 2 * SIDE
# How hard the pictures are (0 easy, 1 hard); set so that a trained MobileNetV2 reaches about 90 %.
DIFFICULTY = 0.75


def fingerprint(counts: dict[str, int] | None = None) -> str:
    """A name for exactly these pictures: a hash of everything that decides them."""
    spec = {
        "version": VERSION,
        "classes": CLASSES,
        "counts": counts or COUNTS,
        "side": SIDE,
        "difficulty": DIFFICULTY,
    }
    return sha256_text(json.dumps(spec, sort_keys=True))[:16]


def draw(label: int, split: str, number: int) -> Image.Image:
    """Picture `number` of class `label` in `split`: RGB, 224x224, the same pixels every time."""
    dice, trouble = _dice(label, split, number)
    picture = _scene(dice, label, trouble)
    return _camera(picture, dice, trouble)


def where(label: int, split: str, number: int, side: int = 56) -> np.ndarray:
    """What lies where in that picture: uint8 (side,side), 0 for no food, else 1 + the class's number."""
    dice, trouble = _dice(label, split, number)
    food = Image.new("L", (CANVAS, CANVAS))
    _scene(dice, label, trouble, food)
    return np.asarray(food.resize((side, side), Image.Resampling.NEAREST))


def _dice(label: int, split: str, number: int) -> tuple[Dice, float]:
    """A picture's chance, and how much trouble it makes (0 to DIFFICULTY)."""
    dice = Dice(f"servelab rehearsal {VERSION} {split} {label} {number}")
    return dice, DIFFICULTY * dice.real(0, 1)


def _scene(dice: Dice, label: int, trouble: float, food: Image.Image | None = None) -> Image.Image:
    """Table, plate, dishes and what is in front of them. `food`, if given, becomes the map of what lies where."""
    picture = _table(dice)
    size = CANVAS * dice.real(0.3 - 0.1 * trouble, 0.42)
    x, y = CANVAS * dice.real(0.36, 0.64), CANVAS * dice.real(0.36, 0.64)
    _plate(picture, dice, x, y, size)
    if dice.chance(0.25 + 0.4 * trouble):
        # Another class beside the first and smaller than it: sometimes barely.
        other = (label + dice.whole(1, len(CLASSES) - 1)) % len(CLASSES)
        degree, away = dice.whole(0, 359), size * dice.real(0.9, 1.15)
        at = (x + away * COS[degree], y + away * SIN[degree])
        _serve(picture, food, dice, other, at, size * dice.real(0.35, 0.6 + 0.35 * trouble))
    _serve(picture, food, dice, label, (x, y), size)
    if dice.chance(0.15 + 0.3 * trouble):
        with _noted(picture, food, 0):
            _occlude(picture, dice)
    return picture


def _serve(
    picture: Image.Image, food: Image.Image | None, dice: Dice, label: int, at: tuple[float, float], size: float
) -> None:
    """Draw a dish, and note on the map where it lies."""
    with _noted(picture, food, 1 + label):
        DISHES[CLASSES[label]](Pen(picture, dice, *at, size, dice.whole(0, 359)))


@contextmanager
def _noted(picture: Image.Image, food: Image.Image | None, value: int) -> Iterator[None]:
    """Write `value` on the map, if there is one, wherever the block changes the picture."""
    before = picture.copy() if food else None
    yield
    if food and before:
        food.paste(value, mask=ImageChops.difference(before, picture).convert("L").point([0, *[255] * 255]))


def _table(dice: Dice) -> Image.Image:
    """What the plate stands on: plain, planks, cloth or mottled stone."""
    wood: Colour = (150, 104, 62)
    grey = dice.whole(40, 230)
    base = dice.pick(
        [wood, (96, 62, 40), (220, 214, 204), (grey, grey, grey), (70, 90, 110), (150, 60, 50), (90, 120, 80)]
    )
    base = shade(base, dice.real(0.7, 1.2))
    picture = Image.new("RGB", (CANVAS, CANVAS), base)
    pen = Pen(picture, dice, CANVAS / 2, CANVAS / 2, CANVAS, dice.whole(0, 359))
    kind = dice.whole(0, 3)
    if kind == 1:
        for plank in range(-8, 8):
            y = plank * 0.1
            pen.polygon([(-1, y), (1, y), (1, y + 0.095), (-1, y + 0.095)], shade(base, dice.real(0.85, 1.12)))
    elif kind == 2:
        other = mix(base, (250, 250, 250), dice.real(0.2, 0.7))
        for row in range(-8, 8):
            pen.polygon([(-1, row * 0.1), (1, row * 0.1), (1, row * 0.1 + 0.05), (-1, row * 0.1 + 0.05)], other)
        for column in range(-8, 8):
            pen.stroke([(column * 0.1, -1), (column * 0.1, 1)], 0.02, mix(base, other, 0.5))
    elif kind == 3:
        pen.speckle(dice.whole(40, 120), 0.7, dice.real(0.01, 0.03), [shade(base, 0.85), shade(base, 1.1)])
    return picture


def _plate(picture: Image.Image, dice: Dice, x: float, y: float, size: float) -> None:
    """A plate, a bowl, a board or nothing: whatever the dish, so that the ware does not give it away."""
    kind = dice.whole(0, 4)
    ware = dice.pick([(246, 246, 244), (228, 222, 210), (60, 64, 70), (90, 120, 160), (190, 150, 104), (150, 170, 150)])
    pen = Pen(picture, dice, x, y, size * dice.real(1.1, 1.4), dice.whole(0, 359))
    if kind <= 2:
        pen.ellipse(0.05, 0.06, 1.02, 1.0, shade(ware, 0.4))
        pen.ellipse(0, 0, 1, 0.98, shade(ware, 0.9))
        pen.ellipse(0, 0, 0.93, 0.91, ware)
        pen.ellipse(0, 0, 0.74, 0.72, shade(ware, 0.93 if kind else 0.78))
    elif kind == 3:
        pen.polygon([(-1.0, -0.8), (1.0, -0.8), (1.0, 0.8), (-1.0, 0.8)], shade(ware, 0.9))


def _occlude(picture: Image.Image, dice: Dice) -> None:
    """Cutlery, a napkin or a hand's shadow across the picture."""
    turn = dice.whole(0, 359)
    pen = Pen(picture, dice, CANVAS * dice.real(0.2, 0.8), CANVAS * dice.real(0.2, 0.8), CANVAS * 0.5, turn)
    kind = dice.whole(0, 2)
    if kind == 0:
        steel = shade((190, 194, 200), dice.real(0.6, 1.2))
        pen.stroke([(0, 0), (1.2, 0)], 0.06, steel)
        for tine in (-0.08, 0.0, 0.08):
            pen.stroke([(0, tine * 0.6), (-0.35, tine)], 0.025, steel)
    elif kind == 1:
        cloth = dice.pick([(236, 232, 226), (170, 60, 60), (70, 100, 140), (120, 140, 90)])
        pen.polygon([(0.1, -0.6), (1.4, -0.4), (1.4, 0.7), (0.2, 0.4)], cloth)
        pen.stroke([(0.2, -0.4), (0.25, 0.3)], 0.03, shade(cloth, 0.8))
    else:
        pen.stroke([(-1.4, 0), (1.4, 0)], dice.real(0.06, 0.2), shade((60, 50, 44), dice.real(0.4, 1.6)))


def _camera(picture: Image.Image, dice: Dice, trouble: float) -> Image.Image:
    """Light from one side, a colour cast, a turned hue, focus, exposure and the sensor's noise."""
    shadow = Image.new("L", (4, 4))
    shadow.putdata([dice.whole(255 - int(120 * trouble), 255) for _ in range(16)])
    light = shadow.resize((CANVAS, CANVAS), Image.Resampling.BILINEAR)
    picture = ImageChops.multiply(picture, Image.merge("RGB", (light, light, light)))
    picture = picture.reduce(2)
    if dice.chance(0.5):
        hue, saturation, value = picture.convert("HSV").split()
        turn = dice.whole(-int(16 * trouble), int(16 * trouble))
        fade = dice.real(0.85 - 0.5 * trouble, 1.15)
        hue = hue.point([(level + turn) % 256 for level in range(256)])
        saturation = saturation.point([min(255, int(level * fade)) for level in range(256)])
        picture = Image.merge("HSV", (hue, saturation, value)).convert("RGB")
    if dice.chance(0.2 + 0.3 * trouble):
        picture = picture.filter(ImageFilter.BoxBlur(dice.whole(1, 2)))
    exposure = dice.real(0.8 - 0.4 * trouble, 1.2)
    cast = [exposure * dice.real(0.85, 1.12) for _ in range(3)]
    lift = dice.whole(0, 30)
    gains = np.array([int(256 * gain) for gain in cast], dtype=np.int32)
    # Four uniform bytes summed: near enough to a normal deviate, and the same on every processor.
    noise = np.frombuffer(np.random.RandomState(dice.whole(0, 2**31 - 1)).bytes(4 * 3 * SIDE * SIDE), dtype=np.uint8)
    grain = noise.reshape(4, SIDE, SIDE, 3).sum(axis=0, dtype=np.int16)
    grain -= 510
    grain *= dice.whole(4, int(8 + 28 * trouble))
    grain >>= 8
    levels = np.array(picture, dtype=np.int32)
    levels *= gains
    levels >>= 8
    levels += lift
    levels += grain
    return Image.fromarray(np.clip(levels, 0, 255, out=levels).astype(np.uint8))


def generate(folder: Path, counts: dict[str, int] | None = None) -> Path:
    """Draw every picture into `folder` (split/class/number.jpg), on all processors, unless it is there already.

    The folder appears whole or not at all. Raises DataError when a drawing process fails and StorageError
    when the disk is full or read-only.
    """
    counts = counts or COUNTS
    with building(folder) as partial:
        if partial is None:
            return folder
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(KIT), os.environ.get("PYTHONPATH", "")])}
        # Separate processes, started afresh: safe inside a notebook, whose process holds threads.
        reading, writing = os.pipe()
        workers = cores()
        drawing = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "snippets.data.rehearsal.pictures",
                    str(partial),
                    str(turn),
                    str(workers),
                    json.dumps(counts),
                ],
                stdout=writing,
                env=environment,
            )
            for turn in range(workers)
        ]
        os.close(writing)
        try:
            with os.fdopen(reading) as done, progress_bar("Drawing pictures", sum(counts.values())) as bar:
                for line in done:
                    bar.update(int(line))
        finally:
            for process in drawing:
                if process.poll() is None and sys.exc_info()[0] is not None:
                    process.terminate()
                process.wait()
        drawn = sum(1 for _ in partial.glob("*/*/*.jpg"))
        if any(process.returncode for process in drawing) or drawn != sum(counts.values()):
            raise DataError(
                f"Drawing the rehearsal set stopped after {drawn} of {sum(counts.values())} pictures. "
                f"Check the free space of {folder.parent} and try again."
            )
    return folder


def _draw_share(folder: Path, turn: int, workers: int, counts: dict[str, int]) -> None:
    """Every `workers`-th picture, beginning with number `turn`: one process's share."""
    pending = 0
    for split, count in counts.items():
        for number in range(turn, count, workers):
            label = number % len(CLASSES)
            name = folder / split / CLASSES[label] / f"{label}_{number // len(CLASSES)}.jpg"
            name.parent.mkdir(parents=True, exist_ok=True)
            # Full-resolution colour and plain Huffman tables: the least room for encoders to differ.
            draw(label, split, number // len(CLASSES)).save(name, "JPEG", quality=88, subsampling=0)
            pending += 1
            if pending == 10:
                _tell(pending)
                pending = 0
    _tell(pending)


def _tell(count: int) -> None:
    """Report to the parent in one write: the processes share its pipe."""
    os.write(sys.stdout.fileno(), f"{count}\n".encode())


if __name__ == "__main__":
    _draw_share(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4]))
