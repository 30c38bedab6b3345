"""A page is opened when it is needed, by whoever opens it, and only in the browser that the run was begun with."""

from __future__ import annotations

import pytest

from snippets.edge.browser.server import PageRefused, Resource
from snippets.edge.browser.visit import ByHand, Headless, Visit
from snippets.errors import RunTimeout, ServerError, ToolMissing
from tests.snippets.edge.browser.tabs import FACTS, Tab

PAGE = {"": Resource(lambda: b"page")}


class Opened(ByHand):
    """Somebody who opens the page at once, in a browser of these facts."""

    def __init__(self, **facts: object) -> None:
        super().__init__(lambda words: None, wait_s=10.0)
        self.facts, self.tabs = {**FACTS, **facts}, []

    def open(self, url: str) -> None:
        self.tabs.append(Tab(url, lambda command: {"result": {"canary_ms": 2.0}}, self.facts))


def test_nothing_is_opened_before_something_is_asked() -> None:
    def never() -> dict[str, Resource]:
        raise AssertionError("nothing was asked")

    with Visit(never, Headless()) as visit:
        assert not visit.remote


def test_the_page_is_opened_once_and_told_that_it_is_over() -> None:
    someone = Opened()
    with Visit(lambda: PAGE, someone) as visit:
        assert visit.page().canary() == 2.0 and visit.page() is visit.page()
        assert visit.page().facts.threads == 4 and not visit.remote
    (tab,) = someone.tabs
    assert tab.ended() == "Done: all is in the run. You can close this page."


def test_a_page_whose_measurement_was_stopped_is_told_so() -> None:
    someone = Opened()
    with pytest.raises(KeyboardInterrupt):
        with Visit(lambda: PAGE, someone) as visit:
            visit.page()
            raise KeyboardInterrupt
    assert someone.tabs[0].ended().startswith("The measurement was stopped. What was measured is kept")


def test_the_url_is_told_and_a_page_that_nobody_opens_is_waited_for_no_longer_than_said() -> None:
    told: list[str] = []
    with pytest.raises(RunTimeout, match="nobody opened http://127.0.0.1"):
        with Visit(lambda: PAGE, ByHand(told.append, wait_s=0.1)) as visit:
            visit.page()
    assert told[0].splitlines()[1].startswith("http://127.0.0.1:")


def test_a_run_goes_on_only_in_the_browser_that_it_was_begun_in() -> None:
    with Visit(lambda: PAGE, Opened(user_agent="Another 2.0")) as visit:
        visit.insist({**FACTS, "threads": 4})
        with pytest.raises(PageRefused, match="user agent was A Browser 1.0, here it is Another 2.0.*--run-id"):
            visit.page()


def test_a_browser_without_simd_is_told_so() -> None:
    with Visit(lambda: PAGE, Opened(simd=False)) as visit:
        with pytest.raises(PageRefused, match="no WebAssembly SIMD"):
            visit.page()


def test_what_keeps_chromium_from_starting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVELAB_CHROMIUM", "/nowhere")
    with pytest.raises(ToolMissing, match="No Chromium on PATH at /nowhere"):
        with Visit(lambda: PAGE, Headless()) as visit:
            visit.page()
    monkeypatch.setenv("SERVELAB_CHROMIUM", "/bin/false")
    with pytest.raises(ServerError, match="the browser could not do this"):
        with Visit(lambda: PAGE, Headless()) as visit:
            visit.page()
