"""Which pictures a data folder holds, in which class and split: the layouts the kit understands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from snippets.data.food11_classes import class_of
from snippets.errors import DataError
from snippets.files import sha256_text

SPLITS = ("training", "validation", "evaluation")
ALIASES = {
    "training": ("training", "train"),
    "validation": ("validation", "valid", "val"),
    "evaluation": ("evaluation", "eval", "test"),
}
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
# What of a class goes to validation and to evaluation where the folder does not say: Food-11's own shares.
SHARES = {"validation": 0.2, "evaluation": 0.2}
LAYOUTS = (
    "Give a folder with training/, validation/ and evaluation/, each holding one folder per class (or files named "
    "like Food-11's 3_120.jpg), or a folder with one folder of pictures per class."
)


@dataclass(frozen=True)
class Entry:
    """One picture: its path relative to the data folder (with /) and its label."""

    file: str
    label: int


@dataclass(frozen=True)
class Listing:
    """What a data folder holds. `key` changes when a file's name, size or time does."""

    classes: tuple[str, ...]
    splits: dict[str, tuple[Entry, ...]]
    key: str


def list_folder(folder: Path) -> Listing:
    """Find classes, splits and pictures of `folder`.

    Raises DataError when the folder is missing, holds no pictures, has fewer than two classes, or has a
    class without pictures in one of the splits.
    """
    if not folder.is_dir():
        raise DataError(f"No data folder at {folder}. Check the path, or use data=rehearsal.")
    places = {split: _first_folder(folder, ALIASES[split]) for split in SPLITS}
    if places["training"] is not None:
        found = {split: _by_class(place) if place else {} for split, place in places.items()}
    elif any(places.values()):
        there = ", ".join(str(place.name) for place in places.values() if place)
        raise DataError(f"{folder} has {there} but no training folder. {LAYOUTS}")
    else:
        found = {"training": _by_class(folder), "validation": {}, "evaluation": {}}
    if not any(files for by_class in found.values() for files in by_class.values()):
        raise DataError(f"No pictures in {folder} ({', '.join(sorted(SUFFIXES))}). {LAYOUTS}")
    classes = tuple(sorted({name for by_class in found.values() for name in by_class}))
    if len(classes) < 2:
        raise DataError(f"{folder} has one class only ('{classes[0]}'): there is nothing to tell apart. {LAYOUTS}")
    missing = [split for split in ("validation", "evaluation") if not found[split]]
    for name in classes:
        if missing:
            _carve(found, name, missing, folder)
        for split in SPLITS:
            if not found[split].get(name):
                raise DataError(
                    f"Class '{name}' has no pictures in the {split} split of {folder}. Add some, or remove the class "
                    "from every split."
                )
    return Listing(classes, _entries(folder, found, classes), _key(found))


def _first_folder(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The subfolder with one of these names, whatever its case."""
    children = {child.name.lower(): child for child in folder.iterdir() if child.is_dir()}
    return next((children[name] for name in names if name in children), None)


def _by_class(folder: Path) -> dict[str, list[Path]]:
    """Pictures by class name: from class folders, else from flat Food-11 names."""
    children = sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if children:
        return {child.name: _pictures(child) for child in children}
    found: dict[str, list[Path]] = {}
    for file in _pictures(folder):
        name = class_of(file.name)
        if name is not None:
            found.setdefault(name, []).append(file)
    return found


def _pictures(folder: Path) -> list[Path]:
    files = (file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    return sorted(file for file in files if file.is_file())


def _carve(found: dict[str, dict[str, list[Path]]], name: str, missing: list[str], folder: Path) -> None:
    """Move a share of a class's training pictures to each missing split, chosen by a hash of their names."""
    files = sorted(found["training"].get(name, []), key=lambda file: sha256_text(file.name))
    if 0 < len(files) <= len(missing):
        raise DataError(
            f"Class '{name}' in {folder} has {len(files)} picture(s): too few to give {', '.join(missing)} and "
            f"training one each. Add at least {len(missing) + 1 - len(files)} more."
        )
    for split in missing:
        count = max(1, round(SHARES[split] * len(found["training"].get(name, [])))) if files else 0
        found[split][name], files = files[:count], files[count:]
    found["training"][name] = sorted(files)


def _entries(
    folder: Path, found: dict[str, dict[str, list[Path]]], classes: tuple[str, ...]
) -> dict[str, tuple[Entry, ...]]:
    return {
        split: tuple(
            Entry(file.relative_to(folder).as_posix(), label)
            for label, name in enumerate(classes)
            for file in sorted(found[split][name])
        )
        for split in SPLITS
    }


def _key(found: dict[str, dict[str, list[Path]]]) -> str:
    lines = []
    for split in SPLITS:
        for name in sorted(found[split]):
            for file in found[split][name]:
                facts = file.stat()
                lines.append(f"{split}/{name}/{file.name} {facts.st_size} {facts.st_mtime_ns}\n")
    return sha256_text("".join(lines))[:16]
