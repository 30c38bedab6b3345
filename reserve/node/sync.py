"""Bring a run home while it goes on: only what changed, the record last, nothing half-written.

The node first sets copies of record.json and steps.jsonl aside, in this order, then lists its files. The run goes on
meanwhile, but writes in the opposite order: samples, steps, head. So whatever these copies name was there before
them, and as the steps come home before the head, a pull that is cut short at any point leaves a record at home that
lacks nothing that it names.
"""

from __future__ import annotations

import io
import os
import shlex
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from reserve.errors import ConnectionLost, SiteError
from reserve.site import Machine
from snippets.errors import StorageError
from snippets.files import FULL_ERRNOS, unpack_tar
from snippets.record.head import HEAD
from snippets.record.steps import STEPS

COPIES = {".steps-home.jsonl": STEPS, ".record-home.json": HEAD}
"""What lies where at home: copies on the node, in the order in which they come."""
SKIP = (".lock", ".tmp", ".sync")


@dataclass(frozen=True)
class Remote:
    """A file of the run on the node: path below the run's folder, size, modification time."""

    name: str
    size: int
    mtime: int


def _listing(machine: Machine, folder: str) -> list[Remote]:
    place = shlex.quote(folder)
    aside = " ".join(
        f"rm -f {copy}; if [ -f {name} ]; then cp -p {name} {copy}; fi;" for copy, name in reversed(COPIES.items())
    )
    command = f"cd {place} 2>/dev/null || exit 0; {aside} find . -type f -printf '%s %T@ %P\\n'"
    found = []
    for line in machine.run(command, timeout_s=40).output.splitlines():
        try:
            size, mtime, name = line.split(" ", 2)
            found.append(Remote(name, int(size), int(float(mtime))))
        except ValueError:
            continue
    return found


def to_copy(files: list[Remote], home: Path) -> list[Remote]:
    """Those of the node's files that are not the same at home, the record last; names that lead elsewhere are not."""
    wanted = []
    for file in files:
        name = PurePosixPath(file.name)
        if name.is_absolute() or ".." in name.parts or name.name in COPIES.values():
            continue
        if any(name.name.endswith(ending) or name.name.startswith(ending) for ending in SKIP):
            continue
        target = home / COPIES.get(file.name, file.name)
        try:
            there = target.stat()
        except OSError:
            wanted.append(file)
            continue
        if (there.st_size, int(there.st_mtime)) != (file.size, file.mtime):
            wanted.append(file)
    if wanted:  # another count of steps need not change the head's size, nor the second of its time
        wanted += [file for file in files if COPIES.get(file.name) == HEAD and file not in wanted]
    order = list(COPIES)
    wanted.sort(key=lambda file: (order.index(file.name) + 1 if file.name in COPIES else 0, file.name))
    return wanted


def pull(machine: Machine, folder: str, home: Path) -> list[str]:
    """Copy what changed of the run in `folder` on the machine to `home`; returns the names copied.

    Raises ConnectionLost, StorageError (no space here), SiteError for an archive that is not what was asked for.
    """
    wanted = to_copy(_listing(machine, folder), home)
    copied: list[str] = []
    while wanted:
        batch, size = [wanted.pop(0)], 0
        while wanted and wanted[0].name not in COPIES and size + wanted[0].size < machine.batch_bytes:
            size += wanted[0].size
            batch.append(wanted.pop(0))
        archive = machine.pull(folder, [file.name for file in batch])
        copied += unpack(archive, {file.name for file in batch}, home)
    return copied


def unpack(archive: bytes, names: set[str], home: Path) -> list[str]:
    """Unpack an archive that may hold `names` and nothing else; each file appears whole or not at all."""
    incoming = home / ".incoming"
    try:
        home.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir()
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            members = []
            for member in tar:
                plain = member.name.removeprefix("./")
                if not member.isfile() or plain not in names:
                    raise SiteError(
                        f"the node sent {member.name!r}, which was not asked "
                        "for. Nothing of it was kept; look at the node."
                    )
                members.append(member)
            unpack_tar(tar, incoming, members)
        done = []
        for member in members:
            plain = member.name.removeprefix("./")
            target = home / COPIES.get(plain, plain)
            target.parent.mkdir(parents=True, exist_ok=True)
            (incoming / plain).replace(target)
            os.utime(target, (member.mtime, member.mtime))
            done.append(plain)
        return done
    except tarfile.TarError as error:
        raise ConnectionLost(f"an archive from the node was cut short ({error}). Repeat the command.") from None
    except OSError as error:
        if error.errno in FULL_ERRNOS:
            raise StorageError(
                f"no space left here for the run in {home}. Free some and repeat "
                "`servelab collect`: the node keeps it all until its lease ends."
            ) from None
        raise StorageError(f"cannot write the run to {home}: {error.strerror}. Check its permissions.") from None
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def push_run(machine: Machine, home: Path, folder: str) -> None:
    """Send a run that was begun elsewhere to this node, so that it goes on there.

    Head, steps, then their samples, as the run may grow here meanwhile; last the progress, by which the node is known
    to have the run.
    """
    order = [HEAD, STEPS, "", "progress.jsonl"]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        found = sorted(p for p in home.rglob("*") if p.is_file() and not p.is_symlink())
        for path in sorted(found, key=lambda p: order.index(p.name if p.name in order else "")):
            name = path.relative_to(home)
            if any(path.name.endswith(e) or path.name.startswith(e) for e in SKIP) or name.parts[0] == ".incoming":
                continue
            tar.add(path, arcname=str(name), recursive=False)
    machine.push(packed.getvalue(), folder)
