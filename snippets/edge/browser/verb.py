"""`servelab browser`: the page in anybody's browser or phone, measured into a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from snippets.edge import bundle
from snippets.edge.browser.measuring import gather, measure, resources
from snippets.edge.browser.server import EVERYWHERE, LOOPBACK, PageGone
from snippets.edge.browser.visit import ByHand, Visit
from snippets.errors import ModelError, RunTimeout
from snippets.record.run import open_run

NOTEBOOK = "4_browser"
OPENED = (
    "--lan opens this page to every device in this network that knows its URL, which holds a random token: "
    "unencrypted, until this command ends. Whoever has the URL can fetch the run's models and the lab's photos, and "
    "send times. Over plain HTTP a browser gives no threads and no WebGPU to another device, and a coarser clock; what "
    "it can do is measured and said."
)


@dataclass(frozen=True)
class ByHandOptions:
    """Which run is measured into, with what, and who may open the page. `wait_s`: how long a page is waited for."""

    run_id: str = "browser"
    runs: str = ""
    profile: str = "quick"
    kit: str = ""
    dataset: str = "rehearsal"
    lan: bool = False
    port: int = 0
    wait_s: float = 900.0


def measure_by_hand(options: ByHandOptions, say: Callable[[str], object]) -> Path:
    """Serve the page until a browser has measured everything that the run lacks, and return the run's folder.

    A page that is closed halfway is waited for again. Raises ModelError, DataError, ToolMissing (no onnxruntime-web),
    ServerError (the browser cannot do it), RunTimeout (nobody opens the page).
    """
    run = open_run(
        "edge",
        notebook=NOTEBOOK,
        run_id=options.run_id,
        runs=options.runs,
        profile=options.profile,
        parameters={"profile": options.profile, "dataset": options.dataset, "challenge": ""},
    )
    photos = {"quick": 44, "full": 110}[options.profile]
    files = bundle.gather(run, kit=options.kit, runs=options.runs, photos=photos, dataset=options.dataset)
    material = gather(run, files, kit=options.kit, dataset=options.dataset, profile=options.profile)
    if "fp32" not in material.models:
        raise ModelError(f"The page cannot measure fp32: {material.absent['fp32']}")
    if options.lan:
        say(OPENED)
    host = EVERYWHERE if options.lan else LOOPBACK
    page = partial(resources, material)
    with Visit(page, ByHand(say, options.wait_s), host=host, port=options.port) as visit:
        while True:
            try:
                measure(run, material, visit, profile=options.profile)
                return run.folder
            except PageGone as gone:
                say(f"{gone} What was measured is kept: open the same URL again, and it goes on.")
                visit.forget()
            except RunTimeout as late:
                raise RunTimeout(f"{late} What was measured is kept in {run.folder}.") from None
