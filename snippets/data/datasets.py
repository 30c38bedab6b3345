"""Data sets: the rehearsal set, Food-11, or a folder of one's own, decoded once into a memory map.

Every measurement reads the memory map, so that decoding JPEGs is paid for once and never counted as inference.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from snippets.course import located
from snippets.data.folder import SPLITS, Listing, list_folder
from snippets.data.image import SIDE, decode
from snippets.data.progress import progress_bar
from snippets.errors import DataError
from snippets.files import building, cache_folder, sha256_file, sha256_text
from snippets.machine.host import cores

# Short names that notebooks may use for Food-11's own.
SHORT_NAMES = {"train": "training", "val": "validation", "eval": "evaluation", "test": "evaluation"}
# Pictures decoded at a time: bounds the memory that waits to be written.
CHUNK = 256


@dataclass(frozen=True)
class Split:
    """One split: uint8 `images` (N,224,224,3) as a read-only memory map, int64 `labels` (N,).

    `files` are the paths relative to the data folder, in the same order; `skipped` says which pictures could
    not be read, and why.
    """

    images: np.ndarray
    labels: np.ndarray
    files: tuple[str, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class Dataset:
    """A data folder: its classes in label order and its three splits. `fingerprint` identifies the content."""

    name: str
    folder: Path
    classes: tuple[str, ...]
    listing: Listing
    cache: Path
    known_fingerprint: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """Hash of every file's name and content (of the recipe, for the rehearsal set)."""
        if self.known_fingerprint:
            return self.known_fingerprint
        with building(self._decoded / "content") as partial:
            if partial is not None:
                (partial / "sha256").write_text(_content_hash(self.folder, self.listing))
        return (self._decoded / "content" / "sha256").read_text()[:16]

    def split(self, name: str) -> Split:
        """The split `training` (or `train`), `validation` or `evaluation`, decoded on first use.

        Raises DataError for another name, or when a class has no readable picture in it.
        """
        name = SHORT_NAMES.get(name, name)
        if name not in SPLITS:
            raise DataError(f"There is no split '{name}'. Choose one of: {', '.join(SPLITS)}.")
        folder = self._decoded / name
        with building(folder) as partial:
            if partial is not None:
                self._clear_older()
                self._decode(name, partial)
        index = json.loads((folder / "index.json").read_text())
        labels = np.asarray(index["labels"], dtype=np.int64)
        shape = (len(labels), SIDE, SIDE, 3)
        images = np.memmap(folder / "images.u8", dtype=np.uint8, mode="r", shape=shape)
        return Split(images, labels, tuple(index["files"]), tuple(index["skipped"]))

    @property
    def _decoded(self) -> Path:
        place = sha256_text(str(self.folder.resolve()))[:12]
        return self.cache / "decoded" / f"{place}-{self.listing.key}"

    def _clear_older(self) -> None:
        """Drop what was decoded from this folder before it changed."""
        for older in self._decoded.parent.glob(f"{self._decoded.name.split('-')[0]}-*"):
            if older != self._decoded:
                shutil.rmtree(older, ignore_errors=True)

    def _decode(self, name: str, into: Path) -> None:
        entries = self.listing.splits[name]
        files, labels, skipped = [], [], []
        with (
            (into / "images.u8").open("wb") as raw,
            ThreadPoolExecutor(cores()) as pool,
            progress_bar(f"Decoding {name}", len(entries)) as bar,
        ):
            for start in range(0, len(entries), CHUNK):
                chunk = entries[start : start + CHUNK]
                for entry, pixels in zip(chunk, pool.map(self._read, [entry.file for entry in chunk]), strict=True):
                    bar.update()
                    if isinstance(pixels, str):
                        skipped.append(f"{entry.file}: {pixels}")
                        continue
                    raw.write(pixels.tobytes())
                    files.append(entry.file)
                    labels.append(entry.label)
        if skipped:
            shown = "; ".join(skipped[:5]) + ("; ..." if len(skipped) > 5 else "")
            print(f"{name}: skipped {len(skipped)} of {len(entries)} pictures: {shown}", file=sys.stderr)
        for label, class_name in enumerate(self.classes):
            if label not in labels:
                raise DataError(
                    f"Class '{class_name}' has no readable picture in the {name} split of {self.folder}. Add some "
                    "or remove the class everywhere."
                )
        index = {"files": files, "labels": labels, "skipped": skipped}
        (into / "index.json").write_text(json.dumps(index))

    def _read(self, file: str) -> np.ndarray | str:
        try:
            return decode(self.folder / file)
        except DataError as error:
            return str(error).removeprefix(f"{self.folder / file}: ")


def dataset(source: str | os.PathLike[str] = "rehearsal", cache: str | os.PathLike[str] | None = None) -> Dataset:
    """Open a data set: `rehearsal` (drawn on first use), `food11` (downloaded on first use) or a folder.

    A folder holds training/, validation/ and evaluation/, each with class folders or Food-11's flat names
    (`3_120.jpg`), or just class folders, which are then split by a hash of the file names. `cache` is where
    generated, downloaded and decoded data go (default $SERVELAB_CACHE or ~/.cache/servelab).
    Raises DataError when there is no such folder or it is not a usable set of pictures.
    """
    place = cache_folder(cache)
    known = ""
    if os.fspath(source) == "rehearsal":
        from snippets.data.rehearsal import pictures

        known = pictures.fingerprint()
        folder = pictures.generate(place / f"rehearsal-{known}")
    elif os.fspath(source) == "food11":
        import snippets.data.food11 as food11

        folder = food11.fetch(place / "food11")
    else:
        folder = located(source)
    listing = list_folder(folder)
    return Dataset(os.fspath(source), folder, listing.classes, listing, place, known)


def _content_hash(folder: Path, listing: Listing) -> str:
    """Hash of names and contents of every picture, independent of times and place."""
    lines = [
        f"{split} {entry.label} {entry.file} {sha256_file(folder / entry.file)}\n"
        for split in SPLITS
        for entry in listing.splits[split]
    ]
    return sha256_text("".join(lines))
