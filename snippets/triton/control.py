"""Triton's HTTP interface as far as the lab needs it: does it answer, load and unload models, read their counters.

The model repository and statistics extensions of the KServe protocol. `address` is host:port everywhere; what cannot be
reached raises OSError.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping

from snippets.triton.stats import Statistics, from_json

STATISTICS_READINGS = 20
# Loopback and lab machines are reached directly, whatever http_proxy says.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Refused(Exception):
    """Triton answered that it could not do what it was asked; the text is its reason."""


def get(address: str, path: str, body: bytes | None = None, timeout_s: float = 10.0) -> str:
    """The text of one answer; with a `body` it is posted."""
    request = urllib.request.Request(f"http://{address}/{path}", data=body)
    with DIRECT.open(request, timeout=timeout_s) as reply:
        return reply.read().decode()


def answers(address: str, path: str) -> bool:
    """Whether there is an answer with a status of success within two seconds."""
    try:
        get(address, path, timeout_s=2.0)
    except OSError:
        return False
    return True


def change(address: str, model: str, verb: str, parameters: Mapping[str, str], limit_s: float) -> None:
    """`load` or `unload` a model and wait for the answer. Raises Refused with Triton's reason."""
    body = json.dumps({"parameters": dict(parameters)}).encode()
    try:
        get(address, f"v2/repository/models/{model}/{verb}", body, limit_s)
    except urllib.error.HTTPError as error:
        raise Refused(_reason(error.read())) from error


def state(address: str, model: str) -> str:
    """READY, LOADING, UNLOADING or UNAVAILABLE."""
    index = json.loads(get(address, "v2/repository/index", b"{}"))
    return next((entry.get("state", "UNAVAILABLE") for entry in index if entry["name"] == model), "UNAVAILABLE")


def statistics(address: str, model: str) -> Statistics:
    """The model's counters since it was loaded, read between two executions.

    Triton adds an execution's rows and its batch size one after the other, so a reading in the midst of load may
    see one without the other; it is then read again, a bounded number of times (failed ones keep them apart).
    """
    for _ in range(STATISTICS_READINGS):
        reading = from_json(json.loads(get(address, f"v2/models/{model}/stats"))["model_stats"][0])
        if reading.settled:
            break
    return reading


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
