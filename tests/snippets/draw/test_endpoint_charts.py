"""Charts of the endpoints: engines by colour, clients by dashes, and stages that add up to the request."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from snippets.draw import endpoint_charts, style


def test_engines_have_their_colours_and_clients_their_dashes(load: dict[str, Any]) -> None:
    loads = {
        "FastAPI, PyTorch, 1 client": {**load, "clients": 1},
        "FastAPI, ONNX, 1 client": {**load, "clients": 1},
        "FastAPI, ONNX, 16 clients": {**load, "clients": 16},
    }
    (axes,) = endpoint_charts.waiting(loads).axes
    torch, one, sixteen = axes.get_lines()[:3]
    assert torch.get_color() == style.color("PyTorch") and one.get_color() == sixteen.get_color() == style.color("ONNX")
    assert one.get_linestyle() != sixteen.get_linestyle() and torch.get_linestyle() == one.get_linestyle()


def test_a_service_without_a_colour_has_one_for_all_its_loads_and_an_open_loop_its_own_dashes(
    load: dict[str, Any],
) -> None:
    arriving = {name: value for name, value in load.items() if name != "clients"}
    loads = {
        "FastAPI, ONNX, 1 client": {**load, "clients": 1},
        "yours, 1 client": {**load, "clients": 1},
        "yours, 8 clients": {**load, "clients": 8},
        "yours, 5 arrive/s": arriving,
    }
    (axes,) = endpoint_charts.waiting(loads).axes
    kit, one, eight, open_ = axes.get_lines()[:4]
    assert one.get_color() == eight.get_color() == open_.get_color() != kit.get_color()
    assert len({line.get_linestyle() for line in (one, eight, open_)}) == 3


def test_the_stages_of_a_bar_add_up_to_the_mean_request(load: dict[str, Any]) -> None:
    load = {**load, "queue_ms": np.full(4, 6.0)}
    axes, shares = endpoint_charts.where_time_goes({"one": load}).axes
    # Four stages of 2 ms, 6 ms of waiting, and the rest of the mean of 25 ms outside of the endpoint.
    assert sum(bar.get_width() for bar in axes.patches) == pytest.approx(25.0)
    assert axes.patches[-1].get_width() == pytest.approx(25.0 - 14.0)
    assert axes.texts[0].get_text() == "25 ms"
    # The same as shares: 6 of 25 ms are 24 %.
    assert [round(bar.get_width()) for bar in shares.patches] == [8, 8, 24, 8, 8, 44]


def test_each_load_has_a_line_from_when_due_and_a_dashed_one_from_the_sending() -> None:
    one = {"yours": {"from_due_ms": np.array([10.0, 20.0, 90.0]), "from_sending_ms": np.array([10.0, 10.0, 30.0])}}
    (axes,) = endpoint_charts.omission({"closed loop": one, "open loop": one}).axes
    due, sending, other = axes.get_lines()[:3]
    assert due.get_color() == sending.get_color() != other.get_color()
    assert due.get_linestyle() == "-" and sending.get_linestyle() == "--"
    assert max(due.get_xdata()) == 90 and max(sending.get_xdata()) == 30
