"""What is wrong with a page, as a real browser and axe-core see it: light and dark, on a phone and on a screen.

assert pages.faults(file.as_uri()) == []
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from snippets.errors import ToolMissing
from snippets.machine.browser import chromium_path, with_page

PHONE, SCREEN = 390, 1280
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (PHONE, SCREEN)]
AXE = {("light", PHONE), ("dark", SCREEN)}
"""Where axe-core looks, which takes it seconds: both themes, both widths. It need not look into a drawing."""
TALLEST_ROW = 140
"""CSS pixels of a table's row: one that is taller has a column in which words stand under each other."""

MEASURE = """() => {
  const sum = (colour) => colour.match(/[0-9.]+/g).slice(0, 3).reduce((all, one) => all + Number(one), 0);
  const style = getComputedStyle(document.body);
  return {
    width: document.documentElement.scrollWidth,
    paper: sum(style.backgroundColor),
    ink: sum(style.color),
    rows: [...document.querySelectorAll("table tr")].filter((row) => getComputedStyle(row).display === "table-row")
      .map((row) => [Math.round(row.getBoundingClientRect().height), row.innerText.slice(0, 60)]),
    pictures: [...document.images].filter((image) => image.complete && !image.naturalWidth && image.src).length,
  };
}"""


def has_chromium() -> bool:
    """Whether there is a browser to look with."""
    try:
        return bool(chromium_path())
    except ToolMissing:
        return False


needs_chromium = pytest.mark.skipif(not has_chromium(), reason="needs Chromium")


def faults(url: str, prepare: Callable[[Any], None] | None = None, pictures: Path | None = None) -> list[str]:
    """A sentence for all that is wrong with the page at `url`, after `prepare(page)`; none for a page without fault.

    `pictures`: a folder for what the page looked like.
    """
    from axe_playwright_python.sync_playwright import Axe

    found: list[str] = []

    def act(page: Any) -> None:
        page.on("requestfailed", lambda request: found.append(f"it asks for {request.url} in vain"))
        page.goto(url, wait_until="networkidle")
        if prepare:
            prepare(page)
        for scheme, width in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.wait_for_timeout(100)
            at = f"{scheme}, {width} pixels: "
            seen = page.evaluate(MEASURE)
            found.extend(at + fault for fault in _measured(seen, width, scheme))
            if (scheme, width) in AXE:
                violations = Axe().run(page, context={"exclude": [["svg > *"]]}).response["violations"]
                found.extend(
                    f"{at}{one['id']} ({one['impact']}): {one['help']}: {one['nodes'][0]['html'][:120]}"
                    for one in violations
                )
            if pictures:
                page.screenshot(path=pictures / f"{scheme}-{width}.png", full_page=True)

    with_page(act, width=SCREEN, height=900)
    return found


def _measured(seen: dict[str, Any], width: int, scheme: str) -> list[str]:
    told = [f"a row is {height} pixels tall: {text!r}" for height, text in seen["rows"] if height > TALLEST_ROW]
    if seen["width"] > width:
        told.append(f"the page is {seen['width']} pixels wide")
    if (seen["paper"] < seen["ink"]) != (scheme == "dark"):
        told.append("its colours do not follow the theme")
    if seen["pictures"]:
        told.append(f"{seen['pictures']} pictures are broken")
    return told
