"""Pictures in the report: in the lesson's order, told in words, and small."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from grading.report import pictures
from snippets.record.run import Run, load_record, open_run


def drawn(run: Run, name: str, title: str = "Latency of one photo") -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(3, 2))
    axes.plot([1, 2], [3, 4], label="eager")
    axes.set(title=title, xlabel="batch", ylabel="ms")
    run.figure(name, figure)
    plt.close(figure)


def decoded(data: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGB"))


def test_figures_come_in_the_order_of_the_notebooks_and_in_each_as_they_were_drawn() -> None:
    for notebook, names in (("10_last", ("a",)), ("2_graph", ("z", "b")), ("1_baseline", ("y",))):
        run = open_run("model", run_id="quick", notebook=notebook)
        for name in names:
            drawn(run, name, name)
    drawn(open_run("model", run_id="quick", notebook="2_graph"), "z", "z again")
    assert [one.caption for one in pictures.figures(load_record(run.folder))] == ["y", "z again", "b", "a"]


def test_a_figure_is_told_by_its_own_words_and_an_older_one_by_its_name() -> None:
    run = open_run("model", run_id="quick", notebook="1_baseline")
    drawn(run, "baseline-latency")
    (made,) = pictures.figures(load_record(run.folder))
    assert made.caption == "Latency of one photo"
    assert made.alt == "Latency of one photo: ms against batch; showing eager."
    path = run.folder / "figures" / "baseline-latency.png"
    Image.open(path).convert("RGB").save(path, pnginfo=None)
    (made,) = pictures.figures(load_record(run.folder))
    assert (made.caption, made.alt) == ("baseline latency", "baseline latency")


def test_a_screenshot_is_told_by_the_question_that_asked_for_it() -> None:
    run = open_run("system", run_id="quick", notebook="1_endpoint")
    for name in ("system.endpoint.page", "mine"):
        out = io.BytesIO()
        Image.new("RGB", (4, 4)).save(out, "PNG")
        run.screenshot(name, out.getvalue())
    made = pictures.screenshots(load_record(run.folder))
    assert [one.caption for one in made] == ["system.endpoint.page", "mine"]
    assert made[0].alt == f"Screenshot. {pictures.asked_in('system')['system.endpoint.page']}"
    assert made[1].alt == "Screenshot mine"


def test_a_part_that_the_kit_does_not_know_has_no_questions() -> None:
    assert pictures.asked_in("dessert") == {}


def test_a_chart_is_smaller_in_the_page_and_the_same_pixel_by_pixel() -> None:
    run = open_run("model", run_id="quick", notebook="1_baseline")
    drawn(run, "x")
    path = run.folder / "figures" / "x.png"
    (made,) = pictures.figures(load_record(run.folder))
    assert made.data.startswith("data:image/webp;base64,") and len(made.data) < path.stat().st_size
    assert (decoded(made.data) == np.asarray(Image.open(path).convert("RGB"))).all()
    assert (made.width, made.height) == Image.open(path).size


def test_a_photograph_is_much_smaller_and_nearly_the_same(root: Path) -> None:
    photo = Image.open(root / "snippets/serve/page/static/coffee.jpg").convert("RGB").resize((600, 400))
    out = io.BytesIO()
    photo.save(out, "PNG")
    run = open_run("model", run_id="quick", notebook="1_baseline")
    run.screenshot("photo", out.getvalue())
    (made,) = pictures.screenshots(load_record(run.folder))
    assert len(made.data) < out.tell() / 4
    assert np.abs(decoded(made.data).astype(int) - np.asarray(photo).astype(int)).mean() < 5


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_picture_that_cannot_be_read_goes_in_as_it_is(content: bytes) -> None:
    run = open_run("model", run_id="quick", notebook="1_baseline")
    run.screenshot("x", b"something")
    (run.folder / "screens/x.png").write_bytes(content)
    (made,) = pictures.screenshots(load_record(run.folder))
    assert made.data == "data:image/png;base64," + base64.b64encode(content).decode() and made.width == 0


def test_a_picture_whose_file_is_gone_is_left_out() -> None:
    run = open_run("model", run_id="quick", notebook="1_baseline")
    run.screenshot("x", b"something")
    (run.folder / "screens/x.png").unlink()
    assert pictures.screenshots(load_record(run.folder)) == []
