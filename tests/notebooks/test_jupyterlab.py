"""A real JupyterLab in a real browser: one notebook of each part, opened and run by "Run All Cells"."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from snippets.errors import ToolMissing
from snippets.machine.browser import chromium_path, with_page
from snippets.machine.process import Server, StartOptions, http_ready, start_server
from tests.notebooks.test_sources import FIT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
NOTEBOOKS = ["model/1_baseline", "edge/1_latency", "system/1_endpoint"]
OPEN_LIMIT_S, RUN_LIMIT_S, SAVE_EVERY_S = 90, 420, 3


@pytest.fixture(scope="module")
def folder(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the notebooks, so that saving them in the browser changes nothing in the checkout."""
    copy = tmp_path_factory.mktemp("lab")
    news = copy / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    shutil.copytree(root / "notebooks", copy / "notebooks")
    return copy


@pytest.fixture(scope="module")
def jupyter(folder: Path, root: Path) -> Iterator[Server]:
    try:
        chromium_path()
    except ToolMissing as error:
        pytest.skip(str(error))
    environment = {
        "PYTHONPATH": str(root),
        "SERVELAB_RUNS": str(folder / "runs"),
        "SERVELAB_BATCH": "1",
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_CONFIG_PATH": str(root / "notebooks" / ".jupyter"),  # as `make jupyter` has it
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with start_server(
        "jupyterlab",
        lambda port: [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            f"--port={port}",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            f"--ServerApp.root_dir={folder}",
            "--LabApp.default_url=/lab/tree/notebooks",
        ],
        http_ready("/api"),
        StartOptions(environment=environment, log=folder / "jupyterlab.log", timeout_s=120),
    ) as server:
        yield server


def done(path: Path) -> bool:
    """Have all code cells of the saved notebook run? No, while it is being saved."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except nbformat.reader.NotJSONError:
        return False
    return all(cell.execution_count for cell in cells if cell.cell_type == "code" and cell.source.strip())


def test_opening_and_saving_a_notebook_leaves_it_as_it_was_built(jupyter: Server, folder: Path, root: Path) -> None:
    name = "model/2_graph.ipynb"
    saved = folder / "notebooks" / name
    began = saved.stat().st_mtime_ns
    seen: list[str] = []

    def act(page) -> None:
        page.goto(f"{jupyter.url}/lab/tree/notebooks/{name}?reset", wait_until="load")
        page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=OPEN_LIMIT_S * 1000)
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=OPEN_LIMIT_S * 1000)
        for _ in range(20):
            page.keyboard.press("Control+s")
            page.wait_for_timeout(500)
            if saved.stat().st_mtime_ns != began:
                break
        seen.append(page.locator("body").inner_text())

    with_page(act, width=1280, height=900, limit_s=180)
    assert saved.stat().st_mtime_ns != began, "it was saved"
    assert saved.read_bytes() == (root / "notebooks" / name).read_bytes()
    for button in ("Nbgrader", "Validate", "Create Assignment"):
        assert button not in seen[0], "the staff's"


def test_the_command_is_found_in_its_terminals(jupyter: Server) -> None:
    found: list[str] = []

    def act(page) -> None:
        page.goto(f"{jupyter.url}/lab?reset", wait_until="load")
        page.locator(".jp-LauncherCard", has_text="Terminal").first.click(timeout=OPEN_LIMIT_S * 1000)
        page.locator(".jp-Terminal .xterm-screen").wait_for(timeout=OPEN_LIMIT_S * 1000)
        page.wait_for_timeout(2000)
        page.locator(".jp-Terminal .xterm-screen").click()
        page.keyboard.type("servelab params model > params.txt; echo done > done.txt\n")
        page.wait_for_timeout(15_000)
        page.goto(f"{jupyter.url}/files/params.txt", wait_until="load")
        found.append(page.locator("body").inner_text())

    with_page(act, width=1280, height=900, limit_s=240)
    assert "threads" in found[0]


def test_runs_can_be_reached_where_the_notebooks_are(jupyter: Server, folder: Path) -> None:
    (folder / "runs" / "model" / "quick" / "screens").mkdir(parents=True, exist_ok=True)
    found: list[str] = []

    def act(page) -> None:
        page.goto(f"{jupyter.url}/lab/tree/runs/model/quick/screens?reset", wait_until="load")
        page.locator(".jp-FileBrowser .jp-BreadCrumbs").wait_for(timeout=OPEN_LIMIT_S * 1000)
        page.wait_for_timeout(2000)
        found.append(page.locator(".jp-FileBrowser").inner_text())

    with_page(act, width=1280, height=900, limit_s=180)
    assert "screens" in found[0]


CUT = """() => [...document.querySelectorAll('.jp-CodeCell .cm-scroller')]
    .filter((cell) => cell.scrollWidth > cell.clientWidth + 1)
    .map((cell) => [...cell.querySelectorAll('.cm-line')].map((line) => line.innerText)
        .sort((one, other) => other.length - one.length)[0])"""


@pytest.mark.parametrize("name", FIT)
def test_its_code_fits_beside_the_side_bar_and_the_theme_is_the_systems(
    jupyter: Server, folder: Path, name: str
) -> None:
    cut: list[str] = []
    papers: dict[str, int] = {}

    def act(page) -> None:
        page.goto(f"{jupyter.url}/lab/tree/notebooks/{name}.ipynb?reset", wait_until="load")
        page.locator(".jp-NotebookPanel .jp-CodeCell").first.wait_for(timeout=OPEN_LIMIT_S * 1000)
        page.locator(".jp-FileBrowser").wait_for(timeout=OPEN_LIMIT_S * 1000)
        for width in (1280, 1600):
            page.set_viewport_size({"width": width, "height": 12_000})  # so that every cell is drawn
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_function(f"document.body.dataset.jpThemeLight === '{str(scheme == 'light').lower()}'")
                page.wait_for_function(f"document.querySelectorAll('.jp-CodeCell .cm-line').length >= {lines}")
                page.wait_for_timeout(300)
                cut.extend(f"{scheme}, {width} pixels: {line}" for line in page.evaluate(CUT))
                paper = page.evaluate("getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor")
                papers[scheme] = sum(map(int, re.findall(r"\d+", paper)[:3]))
                page.screenshot(path=folder / f"{name.replace('/', '-')}-{width}-{scheme}.png")

    notebook = nbformat.read(folder / "notebooks" / f"{name}.ipynb", as_version=4)
    lines = sum(cell.source.count("\n") + 1 for cell in notebook.cells if cell.cell_type == "code")
    with_page(act, width=1280, height=900, limit_s=180)
    assert cut == [] and papers["dark"] < 200 < 600 < papers["light"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_run_all_cells_in_the_browser_runs_all_cells(jupyter: Server, folder: Path, name: str) -> None:
    saved = folder / "notebooks" / f"{name}.ipynb"

    def act(page) -> None:
        from playwright.sync_api import TimeoutError

        page.goto(f"{jupyter.url}/lab/tree/notebooks/{name}.ipynb?reset", wait_until="load")
        page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for(timeout=OPEN_LIMIT_S * 1000)
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=OPEN_LIMIT_S * 1000)
        started = page.locator(".jp-InputArea-prompt", has_text=re.compile(r"\[[*1]\]"))
        for _ in range(3):
            # A click before the kernel's connection is complete does nothing; a person would click again, too.
            dialog = page.locator(".jp-Dialog-content")
            if dialog.count() and "Select Kernel" in dialog.first.inner_text():
                # JupyterLab asks when the page is faster than its list of kernels; a person would agree to its choice.
                dialog.get_by_role("button", name="Select", exact=True).click()
                page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=OPEN_LIMIT_S * 1000)
            assert dialog.count() == 0, dialog.first.inner_text()
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
            with contextlib.suppress(TimeoutError):
                started.first.wait_for(timeout=10_000)
                break
        for _ in range(RUN_LIMIT_S // SAVE_EVERY_S):
            page.keyboard.press("Control+s")
            page.wait_for_timeout(SAVE_EVERY_S * 1000)
            if done(saved):
                break
        page.screenshot(path=folder / f"{name.replace('/', '-')}-end.png")
        # The notebook's first picture, where it has one.
        picture = page.locator(".jp-RenderedImage img")
        if picture.count():
            picture.first.scroll_into_view_if_needed()
            page.wait_for_timeout(500)
            page.screenshot(path=folder / f"{name.replace('/', '-')}-figure.png")

    with_page(act, width=1400, height=1000, limit_s=RUN_LIMIT_S + 240)
    notebook = nbformat.read(saved, as_version=4)
    errors = [
        "\n".join(output.traceback)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    ]
    assert not errors, errors[0]
    assert done(saved), f"not all cells ran within {RUN_LIMIT_S} s"
    assert any("image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))
    part = name.partition("/")[0]
    assert (folder / "runs" / part / "quick" / "record.json").is_file()
