"""A browser on the page: this machine's Chromium, or whoever opens the URL, and only when something has to be measured.

with Visit(resources(...), Headless()) as visit:
    visit.page().start("fp32", 2)
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any

from snippets.edge.browser.page import Facts, Page, PageRefused, read_facts
from snippets.edge.browser.server import LOOPBACK, PageServer, Resource
from snippets.edge.device import MAX_THREADS
from snippets.errors import KitError, RunTimeout
from snippets.machine.browser import chromium_path, with_page

OPEN_S = 60.0


class Headless:
    """This machine's Chromium, without a window, on the page until it is closed."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._failure: list[KitError] = []
        self._thread: threading.Thread | None = None

    def open(self, url: str) -> None:
        """Open the page. Raises ToolMissing without Chromium."""
        chromium_path()
        self._thread = threading.Thread(target=self._stay, args=(url,), daemon=True, name="page")
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the browser, if something did."""
        if self._failure:
            raise self._failure[0]

    def close(self) -> None:
        """Close the browser."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)

    def _stay(self, url: str) -> None:
        def act(page: Any) -> None:
            page.goto(url)
            while not self._stop.is_set():
                page.wait_for_timeout(100)

        try:
            with_page(act, limit_s=3600)
        except KitError as error:
            self._failure.append(error)


class ByHand:
    """Somebody opens the page; `say` tells where it is. `wait_s`: how long it is waited for."""

    def __init__(self, say: Callable[[str], object], wait_s: float = 900.0) -> None:
        self._say, self.wait_s = say, wait_s

    def open(self, url: str) -> None:
        """Say what to open."""
        self._say(f"Open this page in a browser, and keep it in front until it is done:\n{url}")

    def check(self) -> None:
        """Nothing here can end it."""

    def close(self) -> None:
        """The page is told by the server that it is over."""


class Visit:
    """The page, opened when it is first needed, in the browser that `opener` opens.

    `resources` are what the page may fetch, made when it is opened; `host` and `port` as PageServer's.
    """

    def __init__(
        self,
        resources: Callable[[], Mapping[str, Resource]],
        opener: Headless | ByHand,
        *,
        host: str = LOOPBACK,
        port: int = 0,
    ) -> None:
        self._resources, self._opener = resources, opener
        self._host, self._port = host, port
        self._server: PageServer | None = None
        self._page: Page | None = None
        self._wanted: Mapping[str, Any] | None = None

    def __enter__(self) -> Visit:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            stopped = "The measurement was stopped. What was measured is kept: run the command again to go on."
            self._server.finish(stopped if error else "Done: all is in the run. You can close this page.")
            self._opener.close()
            self._server.__exit__(kind, error, trace)

    @property
    def remote(self) -> bool:
        """Whether the browser is on another machine."""
        return self._server is not None and self._server.remote

    def insist(self, facts: Mapping[str, Any]) -> None:
        """Accept no other browser than the one that the run's `facts` are of."""
        self._wanted = facts

    def forget(self) -> None:
        """The tab is gone; the next command waits for another one."""
        self._page = None

    def page(self) -> Page:
        """The page of a tab that is there. Raises ToolMissing, RunTimeout, PageRefused (it cannot measure)."""
        if self._page is None:
            if self._server is None:
                self._server = PageServer(self._resources(), host=self._host, port=self._port)
                self._server.__enter__()
                self._opener.open(self._server.url)
            self._page = Page(self._server, self._greeted(self._server))
        return self._page

    def _greeted(self, server: PageServer) -> Facts:
        facts = read_facts(self._told(server), MAX_THREADS)
        if self._wanted is not None:
            for name in ("user_agent", "threads", "version"):
                if getattr(facts, name) != self._wanted.get(name):
                    raise PageRefused(
                        f"This run was begun in another browser (its {name.replace('_', ' ')} was "
                        f"{self._wanted.get(name)}, here it is {getattr(facts, name)}). Open the page in that one, or "
                        "give this one a run of its own with --run-id."
                    )
        return facts

    def _told(self, server: PageServer) -> dict[str, Any]:
        limit_s = getattr(self._opener, "wait_s", OPEN_S)
        for _ in range(math.ceil(limit_s)):
            self._opener.check()
            with suppress(RunTimeout):
                return server.wait_for_page(1.0)
        return server.wait_for_page(0.0)
