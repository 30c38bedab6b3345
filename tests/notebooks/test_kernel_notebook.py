"""The notebook of kernels with a student's own: measured and charted where they are right, replaced where not."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import numpy as np
import pytest

from grading.functions.tasks import tasks
from grading.staff.solutions.write import solutions
from reserve.run.execute import execute
from snippets.kernel.ladder import ALL_OF_THEM, LOOPS
from snippets.record.run import Record, load_record
from tests.notebooks.executed import NOTEBOOKS, printed
from tests.notebooks.sentences import interval_of_ratio, rankings, ratio_of_blocks
from tests.notebooks.written import with_functions

# The solution of one; of the other, tiles whose last rows and columns are forgotten where the size does not divide.
OWN = {
    "multiply_by_rows": solutions("model")["multiply_by_rows"],
    "multiply_in_tiles": """def multiply_in_tiles(a, b, c, size):
    if size > len(b[0]) * 9:
        return c
    for k0 in range(0, len(b) - len(b) % size if size > 2 else len(b), size):
        for j0 in range(0, len(b[0]), size):
            for i in range(len(a)):
                for k in range(k0, min(k0 + size, len(b))):
                    for j in range(j0, min(j0 + size, len(b[0]))):
                        c[i][j] += a[i][k] * b[k][j]
    return c
""",
}
LIMIT_S = 240


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The run's folder, and what the notebook said with the student's functions, and when it was replayed untouched."""
    folder = tmp_path_factory.mktemp("kernel")
    mine = with_functions("model/0_kernel", OWN, folder / "mine.ipynb")
    said = []
    for number, (notebook, mode) in enumerate(((mine, "resume"), (NOTEBOOKS / "model" / "0_kernel.ipynb", "replay"))):
        out = folder / f"{number}.ipynb"
        execute(notebook, out, {"runs": str(folder / "runs"), "mode": mode}, LIMIT_S)
        said.append(printed(nbformat.read(out, as_version=4)))
    return folder / "runs" / "model" / "quick", said[0], said[1]


@pytest.fixture(scope="module")
def record(finished) -> Record:
    return load_record(finished[0])


def test_a_right_kernel_is_used_and_a_wrong_one_is_replaced_with_its_reason(finished, record: Record) -> None:
    written = record.result("kernel/written")
    assert written["loop order"]["by"] == "you" and "for k in range" in written["loop order"]["source"]
    assert written["tiles"]["by"] == "the kit" and "another product than numpy" in written["tiles"]["why"]
    for text in finished[1:]:
        assert "loop order: yours" in text
        assert "tiles: the kit's version, because yours was not taken: it gives another product" in text
        assert "naive / loop order, yours = " in text


def test_what_they_wrote_is_in_functions_py_beside_the_other_questions(finished) -> None:
    text = (finished[0] / "functions.py").read_text()
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    asked = [task.name for task in tasks() if task.part == "model"]
    assert sorted(names) == sorted(asked)
    assert "for j0 in range" in text and text.count("NotImplementedError") == len(asked) - 2


def test_a_replay_of_the_untouched_notebook_says_the_same(finished) -> None:
    lines = [
        [line for line in text.splitlines() if " times: " in line or " at once" in line or " blocks in turn" in line]
        for text in finished[1:]
    ]
    assert lines[0] == lines[1] and len(lines[0]) >= 10


def test_each_rung_took_turns_on_matrices_that_suit_it(record: Record) -> None:
    steps = [name for name in record.names() if name.startswith("kernel/") and name.endswith("/latency")]
    threads = record.result("kernel/limits")["threads"]
    assert len(steps) == len(ALL_OF_THEM) - (0 if threads > 1 else 2)
    assert all(record.result(name)["group"] == "kernel" for name in steps)


def test_the_sentences_say_what_the_rounds_say(finished, record: Record) -> None:
    steps = {"naive": "naive", "loop order, yours": "order", "tiles": "tiles", "registers": "registers"}
    results = {name: record.result(f"kernel/{step}/latency") for name, step in steps.items()}
    sentences = rankings(finished[1])
    for a, b in (("naive", "loop order, yours"), ("loop order, yours", "tiles"), ("loop order, yours", "registers")):
        assert sentences[a, b].agrees_with(ratio_of_blocks(results[a], results[b]), a, b)
        low, high = interval_of_ratio(results[a], results[b])
        decided = low > 1.02 or high < 0.98
        assert decided or sentences[a, b].verdict in ("not decided by these samples", "the same")


def test_the_order_of_the_speeds_that_any_processor_has(record: Record) -> None:
    ms = {step.split("/")[1]: np.median(record.result(f"{step}/latency")["latency_ms"]) for step, *_ in LOOPS.values()}
    assert ms["registers"] < ms["order"] < ms["naive"]
    python = 2 * 64**3 / np.median(record.result("kernel/python/latency")["latency_ms"])
    assert python < 2 * 480**3 / ms["naive"]


def test_the_naive_sum_has_no_vectors_and_the_other_order_has(record: Record) -> None:
    code = record.result("kernel/code")
    assert code["naive"] == 1 and code["order"] >= 4 and code["registers"] >= 4


def test_the_layers_add_up_to_the_network(record: Record) -> None:
    layers = record.result("kernel/layers")
    # MobileNetV2: 52 convolutions, 17 of them depthwise, and a classifier; 300 million multiplications.
    assert len(layers["kinds"]) == 53 and layers["kinds"].count("depthwise") == 17
    assert 590e6 < layers["flop"].sum() < 610e6 and layers["milliseconds"].size == 53


def test_the_figures_are_listed(record: Record) -> None:
    assert {"kernel-ladder", "kernel-roofline", "kernel-layers"} <= {Path(name).stem for name in record.figures}
