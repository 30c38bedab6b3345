"""Every error has an exit code of its own, and another library's words are quoted in one line."""

from __future__ import annotations

import pickle

import pytest

from snippets import errors
from snippets.errors import CellError, KitError, Place, first_line


def test_no_two_errors_share_an_exit_code() -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, KitError)]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes) > 10 and errors.INTERRUPTED_EXIT_CODE not in codes


def test_an_error_says_where_it_happened_also_in_another_process() -> None:
    place = Place("model", "1_first", 4, "a/x/latency")
    error = pickle.loads(pickle.dumps(CellError("no", place=place)))
    assert (type(error), str(error), error.place) == (CellError, "no", place)
    assert CellError("no").place == Place() and KitError().place.cell is None


def test_a_place_is_said_as_far_as_it_is_known() -> None:
    assert str(Place("model", "1_first", 4, "a/x/latency")) == "model, 1_first, cell 5, step a/x/latency"
    assert str(Place(notebook="1_first", cell=0)) == "1_first, cell 1" and str(Place()) == ""


def test_the_first_line_that_says_something_is_quoted() -> None:
    assert first_line(ValueError("\n  17\n  no such layer: conv  \nat line 3")) == "no such layer: conv"


def test_an_error_without_words_is_named_by_its_kind() -> None:
    assert first_line(KeyError(17)) == "KeyError" and first_line(TimeoutError()) == "TimeoutError"


def test_a_very_long_line_is_cut() -> None:
    assert len(first_line(ValueError("x" * 999))) == 300


@pytest.mark.parametrize("raised", ["UsageError(\"run_id is 'a b'\")", 'DataError("No images in x.")'])
def test_a_notebook_shows_an_error_of_the_kit_as_its_sentence(raised: str) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shown: list[list[str]] = []
    shell = InteractiveShell()
    shell._showtraceback = lambda etype, evalue, stb: shown.append(list(stb))  # type: ignore[method-assign]
    shell.run_cell(f"from snippets.errors import DataError, UsageError\nraise {raised}")
    (lines,) = shown
    assert len(lines) == 1 and lines[0].startswith(raised.split("(")[0] + ": ") and "Traceback" not in lines[0]
