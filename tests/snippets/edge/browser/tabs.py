"""A tab made of plain requests: what a page does, without a browser."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

FACTS = {
    "user_agent": "A Browser 1.0",
    "platform": "Test",
    "version": "1.24.3",
    "cores": 4,
    "isolated": True,
    "secure": True,
    "simd": True,
    "webgpu": False,
    "resolution_ms": 0.005,
}


def request(url: str, body: bytes | None = None) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    """Status, JSON and headers of a GET, or of a POST of `body`."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=30) as answer:
            return answer.status, json.loads(answer.read() or b"{}"), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read()), error.headers


class Tab:
    """Introduces itself, and then answers each command with what `does` says, until it is told to end or it left."""

    def __init__(self, url: str, does: Callable[[dict[str, Any]], Any], facts: Mapping[str, Any] = FACTS) -> None:
        self.url, self._does = url, does
        self.status, told, _ = request(f"{url}hello", json.dumps(facts).encode())
        self.session, self.problem = told.get("session", ""), told.get("problem", "")
        self.words = ""
        self._thread = threading.Thread(target=self._work, daemon=True)
        if self.session:
            self._thread.start()

    def post(self, path: str, value: Any) -> tuple[int, dict[str, Any]]:
        """Send JSON to a path of this session."""
        status, told, _ = request(f"{self.url}{path}?{self.session}", json.dumps(value).encode())
        return status, told

    def leave(self) -> None:
        """Close the tab."""
        self.post("bye", {})
        self._thread.join(10)

    def ended(self) -> str:
        """What it was told at the end."""
        self._thread.join(10)
        return self.words

    def _work(self) -> None:
        with suppress(OSError):  # the server is gone
            self._obey()

    def _obey(self) -> None:
        while True:
            status, command, _ = request(f"{self.url}next?{self.session}")
            if status != 200:
                self.words = command["problem"]
                return
            if command["do"] == "end":
                self.words = command["words"]
                return
            if command["do"] != "wait":
                self.post("answer", {"number": command["number"], **self._does(command)})
