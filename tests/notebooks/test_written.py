"""Part 1 with a student's functions in its cells: right ones make its figures and files, wrong ones are replaced."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from grading.functions import sandbox
from grading.functions import tests as function_tests
from grading.staff.solutions.write import solutions
from reserve.run.execute import execute
from snippets import stats
from snippets.quantize import own_layers
from snippets.record.run import load_record
from tests.notebooks.executed import NOTEBOOKS, printed
from tests.notebooks.written import with_functions

NAMES = ("1_baseline", "3_quantize", "7_choose")
# The solutions, but for one that knows the example only, and one that fails on it.
OWN = {
    **solutions("model"),
    "break_even": "def break_even(fixed_ms, slow_ms, fast_ms):\n    return 15\n",
    "scale_and_zero_point": "def scale_and_zero_point(low, high):\n    return [(high - low) / 255]\n",
}
LIMIT_S = 600
# Nine notebooks are executed.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The run's folder, and what was said: by each notebook untouched, `mine/NAME` with the functions, `again/NAME`
    untouched in a replay of that."""
    folder, said = tmp_path_factory.mktemp("written"), {}
    for kind, mode in (("", "resume"), ("mine/", "resume"), ("again/", "replay")):
        for name in NAMES:
            notebook = NOTEBOOKS / "model" / f"{name}.ipynb"
            if kind == "mine/":
                notebook = with_functions(f"model/{name}", OWN, folder / f"{name}.ipynb")
            out = folder / "out.ipynb"
            execute(notebook, out, {"runs": str(folder / "runs"), "mode": mode, "images": 165}, LIMIT_S)
            said[f"{kind}{name}"] = printed(nbformat.read(out, as_version=4))
    return folder / "runs" / "model" / "quick", said


def lines(text: str, word: str) -> list[str]:
    return [line for line in text.splitlines() if word in line]


def test_an_untouched_notebook_goes_on_with_the_kits_versions_and_says_so(shown) -> None:
    _, said = shown
    for name, functions in {
        "1_baseline": ("percentile", "block_interval", "paired_comparison", "break_even"),
        "3_quantize": ("scale_and_zero_point", "quantize", "int8_matmul", "float_layers"),
        "7_choose": ("cost_per_million",),
    }.items():
        assert said[name].count("Not written yet") == len(functions)
        for function in functions:
            assert f"{function}: the kit's version" in said[name] and f"{function}: yours" not in said[name]


def test_right_functions_make_the_same_figures(shown) -> None:
    _, said = shown
    mine = said["mine/1_baseline"]
    assert "percentile: yours; block_interval: yours" in mine and "paired_comparison: yours" in mine
    for word in ("p50 ", " times: "):
        assert lines(mine, word) == lines(said["1_baseline"], word) != []
    assert "cost_per_million: yours" in said["mine/7_choose"]


def test_one_that_knows_the_example_only_is_found_out_and_replaced(shown) -> None:
    _, said = shown
    told = "Your break_even gives `15` for what was measured here, which the kit's version does not."
    compiled = lines(said["1_baseline"], "compiling for a batch")
    assert (
        not compiled or told in said["mine/1_baseline"] and "break_even: the kit's version" in said["mine/1_baseline"]
    )
    mine = said["mine/3_quantize"]
    assert "On the example your function gives" in mine
    assert "scale_and_zero_point: the kit's version; quantize: yours; int8_matmul: yours" in mine


def test_the_arithmetic_is_onnx_runtimes_to_the_last_bit(shown) -> None:
    _, said = shown
    for text in (said["3_quantize"], said["mine/3_quantize"]):
        found = lines(text, "bit by bit")
        assert len(found) == 2
        for same, whole in re.findall(r"([\d,]+) of ([\d,]+) ", "\n".join(found)):
            assert same == whole


def test_their_layers_are_tried_and_become_the_conservative_file_where_they_keep_its_point(shown) -> None:
    folder, said = shown
    record = load_record(folder)
    step = record.result("quantize/search/your-layers-in-float32.onnx")
    reference = record.result("quantize/reference")["predictions"]
    loss = stats.accuracy_loss(step["predictions"], reference, step["labels"])
    (chosen,) = lines(said["mine/3_quantize"], "conservative (points lost: at most 1)")
    assert (own_layers.NAME in chosen) == (loss.value <= 0.01 + 1e-9)
    taken = record.result("quantize/conservative/choose")["candidate"]
    assert (taken == "your-layers-in-float32") == (loss.value <= 0.01 + 1e-9)
    assert own_layers.NAME not in said["3_quantize"]
    assert lines(said["again/3_quantize"], "stays in float32") == lines(said["mine/3_quantize"], "stays in float32")
    assert lines(said["again/3_quantize"], "points lost") == lines(said["mine/3_quantize"], "points lost")


@pytest.mark.skipif(sandbox.level() == "none", reason="nothing here can confine student code")
def test_what_they_wrote_is_graded_from_the_runs_folder(shown) -> None:
    folder, _ = shown
    results = {
        result.id.rpartition(".")[2]: result for result in function_tests.test_file(folder / "functions.py", "model")
    }
    right = {name for name in OWN if name not in ("break_even", "scale_and_zero_point") and "multiply" not in name}
    assert {name for name, result in results.items() if result.points == result.possible} == right
    assert results["multiply_by_rows"].points == results["break_even"].points == 0
