"""Parameters: declared by the notebooks, typed by their annotations, each to the notebooks that declare it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from reserve.run.parameters import Parameter, Params, of_notebook, parameters_text, parse_settings, resolve
from snippets.errors import UsageError

KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
ONE, TWO = Path("model/1_one.ipynb"), Path("model/2_two.ipynb")


def parameter(name: str, kind: str, notebook: str = "1_one", meaning: str = "") -> Parameter:
    return Parameter(name, kind, "0", meaning, notebook)


KNOWN = {
    ONE: (parameter("threads", "int", meaning="threads to use"), parameter("mode", "str")),
    TWO: (parameter("threads", "int", "2_two"), parameter("sizes", "list[int]", "2_two")),
}


def test_each_value_goes_typed_to_the_notebooks_that_declare_it() -> None:
    assert resolve(["threads=3", "sizes=[1, 2]"], {"mode": "fresh", "runs": "/r"}, KNOWN) == (
        Params(ONE, {"mode": "fresh", "threads": 3}),
        Params(TWO, {"threads": 3, "sizes": [1, 2]}),
    )
    assert resolve([], {}, KNOWN) == (Params(ONE, {}), Params(TWO, {}))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("str", "a=b", "a=b"),
        ("int", "8", 8),
        ("float", "1e-3", 0.001),
        ("bool", "yes", True),
        ("bool", "0", False),
        ("list[ float ]", "1,2.5", [1.0, 2.5]),
        ("list[str]", "a, b ,", ["a", "b"]),
    ],
)
def test_a_text_becomes_a_value_of_the_declared_type(kind: str, text: str, value: object) -> None:
    (params,) = resolve([f"x={text}"], {}, {ONE: (parameter("x", kind),)})
    assert params.values == {"x": value} and type(params.values["x"]) is type(value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["thread=1"], r"no parameter 'thread'(.|\n)*threads +int"),
        (["threads=two"], "type int, not 'two'"),
        (["mode=fresh"], "set by the option --mode"),
    ],
)
def test_what_cannot_be_set_is_told_with_what_can(settings: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        resolve(settings, {}, KNOWN)
    with pytest.raises(UsageError, match="declares x as complex, which -p cannot set"):
        resolve(["x=1j"], {}, {ONE: (parameter("x", "complex"),)})


def test_settings_are_names_and_values_each_once() -> None:
    assert parse_settings(["a=1", " b = x=y "]) == {"a": "1", "b": "x=y"}
    for wrong in (["a"], ["=1"], ["a=1", "a=2"]):
        with pytest.raises(UsageError):
            parse_settings(wrong)


def test_the_list_has_a_line_a_parameter_with_its_notebooks() -> None:
    assert parameters_text(KNOWN).splitlines() == [
        "  sizes    list[int]  0  [2_two]",
        "  threads  int        0  threads to use [1_one, 2_two]",
    ]


def test_a_notebook_declares_them_in_its_tagged_cell(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell('threads: int = 2  # to use\ndata = "x"', metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=KERNEL), tmp_path / "1_one.ipynb")
    assert of_notebook(tmp_path / "1_one.ipynb") == (
        Parameter("threads", "int", "2", "to use", "1_one"),
        Parameter("data", "str", '"x"', "", "1_one"),
    )
    nbformat.write(nbformat.v4.new_notebook(metadata=KERNEL), tmp_path / "2_two.ipynb")
    with pytest.raises(UsageError, match="no cell tagged 'parameters'.*make notebooks"):
        of_notebook(tmp_path / "2_two.ipynb")
