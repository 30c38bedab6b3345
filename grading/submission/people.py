"""Who handed in: the NetIDs and names that an export gives, and NetIDs as people type them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar", ".tar.xz", ".tar.bz2")
PLACEHOLDER = ".icloud"
"""Ends the name of what a cloud drive puts in a file's place."""
UNFINISHED = (".crdownload", ".part", ".partial", ".download")
"""End the names of downloads that did not end."""
_INCOMPLETE = re.compile(rf"({'|'.join(map(re.escape, (PLACEHOLDER, *UNFINISHED)))})$", re.IGNORECASE)
_SUFFIX = re.compile(r"(\.(tar|zip))?\.[A-Za-z0-9]{1,10}$", re.IGNORECASE)
OFFICE = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".pages", ".key", ".numbers")
NO_ARCHIVES = (*OFFICE, ".npz", ".pt", ".pth", ".jar", ".epub", ".whl")
"""End the names of zips that hold something else."""


@dataclass(frozen=True)
class Person:
    """One who handed in, by the export. What it does not tell is empty; `also`: further ids of the same person."""

    netid: str = ""
    name: str = ""
    also: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """Their NetID, where that is not told their name; empty where neither is."""
        return plain_netid(self.netid) or self.name

    def is_called(self, netid: str) -> bool:
        """Whether one of the person's ids is this NetID."""
        return bool(netid) and plain_netid(netid) in {plain_netid(each) for each in (self.netid, *self.also)}


def plain_netid(text: Any) -> str:
    """A NetID as it is compared: without spaces around it, capitals, or an address's domain."""
    plain = unicodedata.normalize("NFKC", str(text)).strip().partition("@")[0]
    return plain.strip().casefold()


def who_is(people: Iterable[Person], netid: str) -> Person | None:
    """The person among `people` who has this NetID, or None."""
    return next((person for person in people if person.is_called(netid)), None)


def is_archive(path: Path) -> bool:
    """Whether a file's name is that of an archive which can be opened."""
    return path.name.lower().endswith(ARCHIVES)


def holds_files(path: Path) -> bool:
    """Whether a file is an archive: by its name, or by its first bytes where it was named otherwise (`submission`)."""
    if is_archive(path):
        return True
    try:
        with path.open("rb") as file:
            begins = file.read(4)
    except OSError:
        return False
    return begins == b"PK\x03\x04" and not path.name.lower().endswith((*NO_ARCHIVES, *UNFINISHED))


def stem(path: Path) -> str:
    """A file's name without the suffix of its kind."""
    name = _INCOMPLETE.sub("", path.name).lstrip(".")
    return _SUFFIX.sub("", name) or path.name


def student_of(path: Path) -> str:
    """Who handed in, by the path: nbgrader's submitted/<student>/<assignment>, else the name up to a `_`."""
    folders = path.parts
    if len(folders) >= 3 and folders[-3] == "submitted":
        return folders[-2]
    name = stem(path)
    return name if name.startswith("submission_") else name.split("_")[0] or name
