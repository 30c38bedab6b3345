"""A figure in words: its title, its axes, what it compares; nothing that stands only in its numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from snippets.alt_text import MOST_NAMES, alt_text


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


def test_lines_are_told_by_title_axes_and_legend() -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.plot([1, 2], [3, 4], label="eager")
    axes.plot([1, 2], [4, 5], label="compiled")
    axes.plot([1, 2], [4, 4])
    axes.set(title="Batches", xlabel="images in a batch", ylabel="time (ms)")
    words = "Batches: time (ms) against images in a batch; showing eager, compiled."
    assert alt_text(figure) == ("Batches", words)


def test_bars_are_told_by_their_names_and_a_scales_numbers_are_not() -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.barh(["onnx-all", "eager"], [1e-4, 8e5])
    axes.set_xlabel("milliseconds")
    axes.set_xscale("log")
    figure.canvas.draw()
    assert alt_text(figure) == ("", "milliseconds, for onnx-all, eager.")


def test_panels_are_told_one_after_the_other_under_their_common_title() -> None:
    import matplotlib.pyplot as plt

    figure, (left, right, empty) = plt.subplots(1, 3)
    figure.suptitle("Cloud\nor edge?")
    left.plot([1, 2])
    left.set_title("A server", loc="left")
    right.plot([1, 2])
    right.set_ylabel("joules")
    empty.set_title("nothing is drawn here")
    figure.colorbar(left.scatter([1], [1], c=[1]), ax=left, label="")
    assert alt_text(figure) == ("Cloud or edge?", "Cloud or edge? A server. joules.")


def test_photographs_are_told_by_what_is_on_them() -> None:
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2)
    for axes, name in zip(panels, ("Bread", "Soup"), strict=True):
        axes.axis("off")
        axes.imshow(np.zeros((2, 2)))
        axes.set_title(name)
    assert alt_text(figure) == ("Bread", "2 pictures: Bread, Soup.")


def test_of_many_names_the_first_stand_there_and_how_many_more() -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    axes.bar([f"layer {number}" for number in range(MOST_NAMES + 3)], 1)
    assert alt_text(figure)[1].endswith("layer 11 and 3 more.")


def test_a_figure_without_a_word_is_told_by_none() -> None:
    import matplotlib.pyplot as plt

    assert alt_text(plt.figure()) == ("", "")
