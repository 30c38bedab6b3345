"""Lines that fit a terminal, colour that can be refused, a bar with the time left; and nothing of it elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from snippets import terminal
from tests.terminals import at_terminal, plain


def test_a_line_that_is_too_long_goes_on_under_its_own_column() -> None:
    line = "  threads   int   0   how many threads compute; 0 stands for all cores that the machine has"
    assert terminal.fitted(line, 60).split("\n") == [
        "  threads   int   0   how many threads compute; 0 stands for",
        "                      all cores that the machine has",
    ]
    assert terminal.fitted("a sentence, not a table, of words", 20) == "a sentence, not a\n  table, of words"
    assert terminal.fitted("    an indented sentence", 20) == "    an indented\n      sentence"


def test_columns_come_closer_before_a_line_is_broken() -> None:
    assert terminal.fitted("  step/a          0.50 s", 20) == "  step/a      0.50 s"
    assert terminal.fitted("  step/a  0.50 s", 14) == "  step/a  0.50\n    s"


def test_a_path_stays_whole_and_no_word_is_lost() -> None:
    path = "/a/long-path/that-nobody/can-copy/in-two-lines"
    assert path in terminal.fitted(f"wrote {path} and more", 20).split("\n  ")
    assert terminal.fitted(f"wrote {path} and more", 20).split() == ["wrote", path, "and", "more"]


def test_what_fits_and_what_is_for_a_file_stays_as_it_is() -> None:
    assert terminal.fitted("x" * 200 + "\n\n  y", None) == "x" * 200 + "\n\n  y"
    assert terminal.fitted("  a   b\n", 7) == "  a   b\n"
    assert terminal.width(io.StringIO()) is None and not terminal.in_colour(io.StringIO())


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("name", "value", "coloured"),
    [("TERM", "xterm", True), ("TERM", "dumb", False), ("NO_COLOR", "1", False), ("NO_COLOR", "", True)],
)
def test_colour_is_for_terminals_that_have_it_unless_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, coloured: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv(name, value)
    assert terminal.in_colour(Tty()) == coloured


@pytest.mark.parametrize(
    ("finished", "elapsed_s", "left"),
    [(0, 5, ""), (2, 5, ""), (50, 30, "about 30 s left"), (10, 60, "about 9 min left"), (100, 60, "about 0 s left")],
)
def test_the_time_left_is_told_from_what_the_finished_share_took(finished: float, elapsed_s: float, left: str) -> None:
    meter = terminal.Meter(100)
    meter.done(finished)
    assert meter.left(elapsed_s) == left


def test_more_than_all_is_all() -> None:
    meter = terminal.Meter(10)
    meter.done(25)
    assert meter.finished == 10 and terminal.Meter(0).left(5) == ""


def test_without_a_terminal_a_bar_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.bar("work", 10) as meter:
        meter.done(5, "half")
    assert capsys.readouterr() == ("", "")


SCRIPT = """
from snippets import terminal
with terminal.bar("edge", 10) as meter:
    print("a line above")
    meter.done(5, "2_soak")
    import time; time.sleep(0.6)
print("after")
"""


def test_at_a_terminal_a_bar_stands_under_the_other_lines_and_is_gone_at_the_end() -> None:
    written = at_terminal([sys.executable, "-c", SCRIPT])
    assert "\rafter\n" in plain(written) and "a line above\n" in plain(written)
    assert "edge 2_soak " in plain(written) and "s left" in plain(written)
    assert max(map(len, plain(written).replace("\r", "\n").split("\n"))) <= 60
    assert "\x1b[2K" in written.rpartition("s left")[2], "the bar's line is wiped"


@pytest.mark.parametrize("refused", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_bar_has_no_colour_where_none_is_wanted(refused: dict[str, str]) -> None:
    import re

    written = at_terminal([sys.executable, "-c", SCRIPT], environment=refused)
    assert re.findall(r"\x1b\[[0-9;]*3[0-9;]*m|\x1b\[9[0-9]m", written) == []
    assert ("s left" in written) == ("NO_COLOR" in refused)


FORKING = """
import os
from snippets import terminal
with terminal.bar("class", 3, forks=True) as meter:
    for number in (1, 2, 3):
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        meter.done(1, f"{number} of 3")
with terminal.no_bars(), terminal.bar("hidden", 3) as meter:
    meter.done(1)
with terminal.bar("shown", 3) as meter:
    meter.done(1)
"""


def test_a_bar_beside_forks_moves_with_the_work_and_bars_can_be_kept_back() -> None:
    written = plain(at_terminal([sys.executable, "-c", FORKING]))
    assert all(f"class {number} of 3 " in written for number in (1, 2, 3)) and "about 0 s left" in written
    assert "hidden" not in written and "shown" in written
