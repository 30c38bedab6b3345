"""Screenshots of pages by a real Chromium, through Playwright.

    png = screenshot(server.url + "/docs")
    png = with_page(lambda page: ...)        # anything else: `page` is a playwright.sync_api.Page

The browser makes no request of its own and is closed when the function returns.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from snippets.errors import RunTimeout, ServerError, ToolMissing

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
WAIT_S = 20.0
LIMIT_S = 120.0
# A socket's path has at most 107 characters, and Chromium adds up to 50.
LONGEST_TMPDIR = 55

Result = TypeVar("Result")


def chromium_path() -> str:
    """$SERVELAB_CHROMIUM, else the Chromium or Chrome on PATH, else Playwright's own. Raises ToolMissing for none."""
    asked = os.environ.get("SERVELAB_CHROMIUM", "")
    for name in (asked,) if asked else CHROMIUM_NAMES:
        found = shutil.which(name)
        if found:
            return found
    # Where `playwright install chromium` puts it, which needs no PATH.
    own = sorted((Path.home() / ".cache" / "ms-playwright").glob("chromium-*/chrome-linux*/chrome"))
    if own and not asked:
        return str(own[-1])
    raise ToolMissing(
        f"No Chromium on PATH{f' at {asked}' if asked else ''}, so no screenshot can be taken. Install one: "
        "`sudo apt-get install chromium` (Debian), or any Chrome and its path in SERVELAB_CHROMIUM."
    )


def _environment() -> dict[str, str | float | bool]:
    """This process's environment, with a short TMPDIR: Chromium makes a socket there, whose path must be short."""
    environment: dict[str, str | float | bool] = {**os.environ}
    if len(os.environ.get("TMPDIR", "")) > LONGEST_TMPDIR:
        environment["TMPDIR"] = "/tmp"
    return environment


def with_page(
    act: Callable[[Page], Result], *, width: int = 1100, height: int = 800, limit_s: float = LIMIT_S
) -> Result:
    """Open an empty page in a fresh browser and return `act(page)`.

    `width` and `height` in CSS pixels. Every wait on the page ends after 20 s. Raises ToolMissing without Chromium or
    Playwright, ServerError (with the page's own words) if the page does not behave, RunTimeout after `limit_s`.
    """
    executable = chromium_path()
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        raise ToolMissing("Screenshots need Playwright for Python. Run: pip install playwright") from None
    outcome: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=executable,
                    args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
                    env=_environment(),
                    timeout=limit_s * 1e3,
                )
                try:
                    page = browser.new_page(viewport={"width": width, "height": height})
                    page.set_default_timeout(WAIT_S * 1e3)
                    outcome.append(act(page))
                finally:
                    browser.close()
        except Error as error:
            failure.append(ServerError(f"the browser could not do this on the page: {error.message.strip()}"))
        except BaseException as error:
            failure.append(error)

    # Playwright refuses to run where an event loop runs already, as it does in a notebook: give it its own thread.
    thread = threading.Thread(target=run, daemon=True, name="browser")
    thread.start()
    thread.join(limit_s)
    if thread.is_alive():
        raise RunTimeout(f"the browser was not done after {limit_s:.0f} s. Look whether the page loads at all.")
    if failure:
        raise failure[0]
    return outcome[0]


def screenshot(url: str, *, width: int = 1100, height: int = 800, full_page: bool = False) -> bytes:
    """PNG of the page at `url` once it has loaded and makes no more requests."""

    def act(page: Page) -> bytes:
        page.goto(url, wait_until="networkidle")
        return page.screenshot(full_page=full_page)

    return with_page(act, width=width, height=height)


def swagger_prediction(url: str, photo: str, *, path: str = "/predict/image") -> bytes:
    """PNG of an endpoint's Swagger UI after a real prediction of the file `photo` was executed in it.

    `url` is the endpoint's. Raises ServerError if no answer with status 200 appears.
    """

    def act(page: Page) -> bytes:
        page.goto(f"{url}/docs", wait_until="networkidle")
        operation = page.locator(".opblock-post", has=page.locator(f'[data-path="{path}"]'))
        operation.locator(".opblock-summary-control").click()
        operation.locator("input[type=file]").set_input_files(photo)
        operation.locator("button.execute").click()
        live = operation.locator(".live-responses-table .response-col_status", has_text="200")
        live.first.wait_for()
        # Down to the end of the real answer; the documented responses below it are examples.
        answer = operation.locator(".live-responses-table").bounding_box()
        bottom = answer["y"] + answer["height"] + 20 if answer else 900
        return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": 1100, "height": bottom})

    return with_page(act, width=1100, height=900)


def page_prediction(url: str, photo: str, service: str) -> bytes:
    """PNG of the GourmetGram page at `url` showing what `service` says of the file `photo`.

    Raises ServerError if the page shows no answer.
    """

    def act(page: Page) -> bytes:
        page.goto(url, wait_until="networkidle")
        page.set_input_files("#photo", photo)
        page.get_by_role("radio", name=service, exact=True).check()
        page.get_by_role("button", name="Classify").click()
        page.locator("#ranking li, .problem").first.wait_for()
        if page.locator(".problem").count():
            raise ServerError(f"the page says: {page.locator('.problem').inner_text()}")
        # The bars grow to their lengths; the picture is of where they end.
        page.evaluate("Promise.all(document.getAnimations().map(animation => animation.finished))")
        return page.screenshot(full_page=True)

    return with_page(act, width=1000, height=640)
