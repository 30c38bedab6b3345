"""Download one large file over a bad connection: with progress, going on where it broke, checked at the end.

HTTP range requests: RFC 9110, section 14 (`Range`, `If-Range`, 206 and 416).
"""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from snippets.data.progress import progress_bar
from snippets.errors import DataError
from snippets.files import is_storage_error, sha256_file, storage_error

BLOCK_BYTES = 1 << 18
TIMEOUT_S = 30.0
# Attempts in a row that may bring not one byte before giving up.
FRUITLESS_ATTEMPTS = 4


def download(url: str, target: Path, sha256: str = "", pause_s: float = 2.0) -> Path:
    """Fetch `url` into `target`, continuing what an earlier try left in `<target>.part`.

    A broken connection is taken up from the last byte; a server without ranges starts anew. `pause_s` is waited
    between attempts (doubled each time that nothing came). `target` appears only when whole and, if `sha256` is
    given, equal to it. Raises DataError when the server refuses, the connection keeps failing or the checksum is
    wrong (the file is then removed), StorageError when the disk is full or the folder may not be written.
    """
    if target.is_file() and (not sha256 or sha256_file(target) == sha256):
        return target
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    fruitless = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _attempt(url, part):
                break
            problem = "the connection was cut"
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):
                raise DataError(f"{url}: the server answered {error.code} {error.reason}. Check it.") from error
            problem = f"the server answered {error.code} {error.reason}"
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            problem = str(getattr(error, "reason", error)) or type(error).__name__
        except OSError as error:
            if is_storage_error(error):
                raise storage_error(error, part, "SERVELAB_CACHE") from error
            raise
        now = part.stat().st_size if part.exists() else 0
        fruitless = 0 if now > before else fruitless + 1
        if fruitless >= FRUITLESS_ATTEMPTS:
            raise DataError(
                f"{url}: {problem}, {FRUITLESS_ATTEMPTS} times in a row. Check the network and run this again: "
                f"the {now:,} bytes that came are kept."
            )
        time.sleep(pause_s * 2**fruitless)
    found = sha256_file(part) if sha256 else ""
    _facts(part).unlink(missing_ok=True)
    if found != sha256:
        part.unlink()
        raise DataError(
            f"{url}: the file has checksum {found[:16]}... instead of {sha256[:16]}... and was removed. Try again; "
            "if it stays so, the source has changed: use another."
        )
    part.replace(target)
    return target


def _attempt(url: str, part: Path) -> bool:
    """One connection. True when the file is whole, False when it ended early."""
    have = part.stat().st_size if part.exists() else 0
    facts = _read_facts(part, url) if have else {}
    if not facts:
        have = 0
    if have and have == facts.get("total"):
        return True
    request = urllib.request.Request(url, headers={"User-Agent": "servelab", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
        if facts.get("mark"):
            request.add_header("If-Range", facts["mark"])
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # what we have is not the beginning of what the server has
            part.unlink(missing_ok=True)
            return False
        raise
    with response:
        continued = response.status == 206 and _range_start(response) == have
        if response.status == 206 and not continued:
            part.unlink(missing_ok=True)
            return False
        have = have if continued else 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        write_facts(part, url, total, _mark(response))
        with (
            part.open("ab" if continued else "wb") as file,
            progress_bar(f"Downloading {part.stem}", total or 0, "B", have) as bar,
        ):
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                bar.update(len(block))
    return total is None or part.stat().st_size == total


def _mark(response: Any) -> str:
    """What tells this version of the file from another: a strong ETag, else its date."""
    tag = response.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else response.headers.get("Last-Modified", "")


def _range_start(response: Any) -> int:
    """The first byte that a partial answer holds ('bytes 100-199/200'), -1 when it does not say."""
    stated = response.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    return int(stated) if stated.isdigit() else -1


def _facts(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_facts(part: Path, url: str) -> dict[str, Any]:
    """What is known of a partial file; empty when it came from elsewhere."""
    try:
        facts = json.loads(_facts(part).read_text())
    except (OSError, ValueError):
        return {}
    return facts if facts.get("url") == url else {}


def write_facts(part: Path, url: str, total: int | None, mark: str) -> None:
    """Note beside a partial file where it comes from: its whole size in bytes, if told, and its version's mark."""
    _facts(part).write_text(json.dumps({"url": url, "total": total, "mark": mark}))
