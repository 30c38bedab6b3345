"""A student's challenge code: HMAC-SHA256 of the NetID under the course's secret, which never leaves staff."""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from grading.shown import cell
from grading.submission.people import plain_netid
from snippets.errors import UsageError
from snippets.files import storage_error, write_atomic
from snippets.model.challenge import written

MARK = b"ServeLab challenge secret, for staff only: "
"""Begins the file, so that whatever copies the kit knows it and leaves it out (reserve.node.secrets)."""
LEAST_BYTES, MOST_BYTES = 16, 4096
_PURPOSE = b"servelab challenge 1\0"


def make_secret(path: Path) -> str:
    """Write a new secret of 32 random bytes to `path`, for its owner's eyes only; what to do with it, in a sentence.

    Raises UsageError where a file is there already, StorageError where it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(MARK + secrets.token_hex(32).encode() + b"\n")
    except FileExistsError:
        raise UsageError(f"{path} is there already: leave --new out to use it, or name another file.") from None
    except OSError as error:
        raise storage_error(error, path, "--secret-file") from error
    return f"made a new secret, {path}: keep it (grading needs it), and give it to nobody"


def read_secret(path: Path) -> bytes:
    """The course's secret. Raises UsageError for a file that is missing, or that `make_secret` never wrote."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read ({error.strerror}). Make a secret: servelab challenge --new --secret-file {path}."
        ) from None
    _, mark, secret = content.removeprefix(b"\xef\xbb\xbf").partition(MARK)
    if not mark or len(secret.strip()) < LEAST_BYTES:
        raise UsageError(
            f"{path} is no secret of `servelab challenge`: none begins without {MARK.decode().strip()!r}. Name the "
            "file that your class's codes were made with, or make one: servelab challenge --new --secret-file FILE."
        )
    return secret.strip()


def code_of(secret: bytes, netid: str) -> str:
    """The code of a NetID, however that is written."""
    return written(hmac.new(secret, _PURPOSE + plain_netid(netid).encode(), hashlib.sha256).digest())


def write_codes(secret: bytes, netids: Iterable[str], out: Path) -> str:
    """A CSV with the columns netid and code, a row a student, for a mail merge; what was written, in a sentence.

    Raises StorageError where it cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["netid", "code"])
    rows = [(cell(plain_netid(netid)), code_of(secret, netid)) for netid in netids]
    table.writerows(rows)
    write_atomic(out, text.getvalue().encode(), setting="--out")
    return f"wrote {out}: {len(rows)} codes; give each student their own (servelab run PART --challenge CODE)"
