"""One look for all charts of the kit: the palette, quiet axes, units on every axis.

    figure, axes = style.canvas("Latency of one request", "milliseconds")
    figure, (left, right) = style.panels(style.Panels(columns=2), size=(10, 3.8))

One colour has one meaning in all three parts: a model or engine keeps its own (MODEL_COLOURS), and so do the stages of
a request (STAGE_COLOURS) and the operations of a graph (OPERATION_COLOURS); whatever has none is told apart by SERIES.
The colours are those of Okabe and Ito (2008) for models and of Paul Tol (2021) for operations and series, which people
with colour-blindness tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from snippets.stats import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MODEL_COLOURS = {
    "eager": "#8C8C8C",
    "compiled": "#7F3B08",
    "onnx-none": "#A6CBE3",
    "onnx-basic": "#6FB1D8",
    "onnx-extended": "#3A8FC4",
    "onnx-all": "#0072B2",
    "dynamic": "#CC79A7",
    "aggressive": "#D55E00",
    "conservative": "#E69F00",
    "openvino": "#009E73",
    "openvino-bf16": "#66C2A5",
    "openvino-aggressive": "#8C3B00",
    "openvino-conservative": "#B8860B",
    "cuda": "#7A4FBF",
    "tensorrt": "#3B2A78",
    "tensorrt-fp16": "#7867B8",
    "mobilenet-half": "#56B4E9",
    "resnet": "#1B7837",
    "transformer": "#762A83",
    "embedding": "#8A8A1F",
    "fp16": "#35978F",
    "static": "#A6761D",
    "qat": "#DE2D26",
    "static-4bit": "#D8B365",
    "qat-4bit": "#FB8A7E",
    "zeros-50": "#DFC27D",
    "zeros-80": "#A6761D",
    "channels-50": "#E7298A",
    "student": "#B2182B",
}
# Other names of the same: PyTorch as it comes, and the float32 file as ONNX Runtime runs it by default.
MODEL_COLOURS |= {"PyTorch": MODEL_COLOURS["eager"]}
MODEL_COLOURS |= dict.fromkeys(("fp32", "float32", "ONNX", "ONNX Runtime", "onnx"), MODEL_COLOURS["onnx-all"])
# What a request, or a start, spends its time on; shades of one blue where they belong to computing.
STAGE_COLOURS = {
    "decode": "#C3D3EA",
    "preprocess": "#9BB5DA",
    "queue": "#EDB75E",
    "inference": "#3E5C86",
    "postprocess": "#6B88B5",
    "transport": "#C8C8C8",
    "process": "#C8C8C8",
    "libraries": "#A39382",
    "model": "#B3724F",
    "first_inference": "#8C3B4A",
}
OPERATION_COLOURS = {
    "Conv": "#77AADD",
    "FusedConv": "#99DDFF",
    "Conv (NCHWc)": "#FFAABB",
    "ConvInteger": "#4E79A7",
    "BatchNormalization": "#EEDD88",
    "Clip": "#44BB99",
}
OTHER_OPERATIONS = ("#EE8866", "#BBCC33", "#AA7744", "#9970AB", "#5AAE61", "#AAAA00", "#B0B0D0", "#777777")
REST = "#DDDDDD"
SERIES = ("#332288", "#44AA99", "#882255", "#999933", "#88CCEE", "#AA4499", "#117733", "#CC6677")
INK, QUIET, FAINT, GRID, TARGET, MET = "#222222", "#6E6E6E", "#BBBBBB", "#DDDDDD", "#B3261E", "#2E7D32"
# Line styles of a tail (p95, p99) beside its median, of a limit, of what theory says.
TAIL, LIMIT, THEORY = ":", (0, (4, 3)), "--"
MARKERS = "osD^vP"
SMALL = 9
GROUND: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "alpha": 1.0, "pad": 0.5}
"""What a number stands on, so that the grid does not strike it through."""
STYLE = {
    "figure.dpi": 100,
    "savefig.dpi": 150,
    "figure.facecolor": "white",
    "font.size": 10.5,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#999999",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    # No frame to be seen: a ground, so that the grid goes through no word.
    "legend.frameon": True,
    "legend.facecolor": "white",
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,
    "legend.fontsize": SMALL,
    "lines.linewidth": 2,
    "lines.markersize": 5,
}


@dataclass(frozen=True)
class Panels:
    """How the panels of a figure lie: their rows and columns, relative sizes, and which axes are shared."""

    rows: int = 1
    columns: int = 1
    width_ratios: Sequence[float] | None = None
    height_ratios: Sequence[float] | None = None
    share_x: bool = False
    share_y: bool = False


def color(name: str, position: int = 0) -> str:
    """The colour of a model or engine, served as streams or not; for any other name the one at a position of SERIES."""
    return MODEL_COLOURS.get(name.removesuffix("-streams"), SERIES[position % len(SERIES)])


def canvas(title: str, x: str = "", y: str = "", *, size: tuple[float, float] = (7.2, 4.0)) -> tuple[Figure, Axes]:
    """A new figure of one chart in the kit's style; `size` in inches."""
    figure, (axes,) = panels(Panels(), size)
    axes.set(xlabel=x, ylabel=y)
    axes.set_title(title)
    return figure, axes


def panels(layout: Panels, size: tuple[float, float], title: str = "") -> tuple[Figure, list[Axes]]:
    """A new figure of several charts in the kit's style, row by row; `size` in inches."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(STYLE)  # type: ignore[arg-type]
    figure, axes = plt.subplots(
        layout.rows,
        layout.columns,
        figsize=size,
        layout="constrained",
        squeeze=False,
        sharex=layout.share_x,
        sharey=layout.share_y,
        width_ratios=layout.width_ratios,
        height_ratios=layout.height_ratios,
    )
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=STYLE["axes.titlesize"])
    return figure, list(np.ravel(axes))


def plain_ticks(axes: Axes, which: str, wide: bool = False) -> None:
    """Write a logarithmic axis as 1, 2, 5, 10 (1, 10, 100 if it is `wide`) rather than as powers; where it spans
    little, the steps between too."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axis: Any = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(base=10, subs=(1.0,) if wide else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))

    def between(value: float, _: int) -> str:
        low, high = axis.get_view_interval()
        return f"{value:g}" if high < 5 * low else ""

    axis.set_minor_formatter(FuncFormatter(between))


def logarithmic(axes: Axes, which: str, wide: bool = False) -> None:
    """Make the axis "x" or "y" logarithmic, with plain figures, as `plain_ticks`."""
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    plain_ticks(axes, which, wide)


def level_lines(axes: Axes, percents: Sequence[int]) -> None:
    """Dotted lines at percentiles of a cumulative curve whose axis is in per cent, named at the right end."""
    for percent in percents:
        axes.axhline(percent, color=QUIET, linewidth=1, linestyle=TAIL)
        axes.annotate(
            f"p{percent}",
            (1.005, percent),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=SMALL,
            color=QUIET,
        )


def cumulative(axes: Axes, samples_ms: np.ndarray, label: str, colour: str, dashes: str = "-") -> None:
    """The share of requests, in per cent, that were answered within a time in ms."""
    ordered = np.sort(samples_ms)
    axes.step(
        ordered,
        np.arange(1, ordered.size + 1) / ordered.size * 100,
        where="post",
        label=label,
        color=colour,
        linestyle=dashes,
    )


def rows_down(axes: Axes, labels: Sequence[str]) -> None:
    """Name the rows of horizontal bars drawn at 0, 1, 2 ..., the first on top, without lines between them."""
    axes.set_yticks(range(len(labels)), list(labels))
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def columns(axes: Axes, values: Mapping[str, Estimate], title: str, colours: Sequence[str]) -> None:
    """Upright bars with their intervals, where they have some, and their values written on top, one colour each."""
    axes.bar(list(values), [one.value for one in values.values()], color=[*colours], width=0.6)
    reach = 1e-9
    for position, one in enumerate(values.values()):
        top = whisker(axes, position, one)
        written_above(axes, position, top, short(one.value))
        reach = max(reach, top)
    axes.set(ylim=(0, 1.2 * reach))
    axes.grid(axis="x", visible=False)
    axes.set_title(title)


def ends(one: Estimate) -> tuple[float, float]:
    """The interval's ends; where the samples bound none, the value itself."""
    low = one.low if np.isfinite(one.low) else one.value
    return low, one.high if np.isfinite(one.high) else one.value


def whisker(axes: Axes, x: float, one: Estimate, colour: str = INK) -> float:
    """An upright line over the interval of what is drawn at `x`, if it has one; how high the two reach."""
    if not one.bounded:
        return one.value
    axes.plot([x, x], [one.low, one.high], color=colour, linewidth=1.4, solid_capstyle="butt")
    return max(one.value, one.high)


def limit_line(axes: Axes, value: float, colour: str = TARGET) -> None:
    """An upright dashed line at a value that is to be kept or reached."""
    axes.axvline(value, color=colour, linestyle=LIMIT, linewidth=1.4)


def written_at(axes: Axes, x: float, height: float, text: str, colour: str, side: str = "center") -> None:
    """A small text at `x`, standing at a share of the axes' height; `side`: where in the text the point lies."""
    axes.annotate(
        text, (x, height), xycoords=("data", "axes fraction"), ha=side, va="bottom", fontsize=SMALL, color=colour
    )


def short(value: float) -> str:
    """A number with a decimal if it is below ten."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}"


def written_above(axes: Axes, x: float, y: float, text: str) -> None:
    """A small text that stands on the point."""
    axes.annotate(
        text, (x, y), xytext=(0, 2), textcoords="offset points", ha="center", va="bottom", fontsize=SMALL, bbox=GROUND
    )


def written_behind(axes: Axes, x: float, y: float, text: str) -> None:
    """A small text to the right of the point, as behind the end of a horizontal bar."""
    axes.annotate(text, (x, y), xytext=(6, 0), textcoords="offset points", va="center", fontsize=SMALL, bbox=GROUND)
