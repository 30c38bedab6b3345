"""The command: it answers at once, and every mistake gets a message and a documented exit code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import servelab
import snippets.errors
from snippets.errors import KitError
from snippets.record.run import open_run
from tests.terminals import at_terminal, plain


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of `servelab ARGUMENTS` run in this process."""
    monkeypatch.setattr(sys, "argv", ["servelab", *arguments])
    try:
        servelab.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_help_imports_nothing_heavy(root: Path) -> None:
    heavy = "numpy torch chi papermill matplotlib onnxruntime jupyter_client jinja2 ortools"
    script = (
        "import sys, servelab; sys.argv = ['servelab', '--help']\n"
        "try: servelab.main()\nexcept SystemExit: pass\n"
        f"print('HEAVY', sorted({{m.partition('.')[0] for m in sys.modules}} & set({heavy!r}.split())))"
    )
    out = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60).stdout
    assert "Usage: servelab" in out and "HEAVY []" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run", "modle"), 2, "no part 'modle'"),
        (("run", "model", "-p", "nonsense=1"), 2, "no parameter 'nonsense'"),
        (("run", "model", "--profile", "slow"), 2, "'slow' is not one of"),
        (("show", "nowhere"), 6, "no run record"),
        (("report", "nowhere"), 6, "no run record"),
        (("site", "nowhere", "--out", "none"), 6, "no run record"),
        (("site", "modle", "--out", "none"), 2, "Did you mean model?"),
        (("site", "--out", str(Path(__file__).parent)), 2, "holds something that is no site"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_a_mistake_gets_one_message_and_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert call(monkeypatch, *arguments) == code
    printed = capsys.readouterr().err
    assert message in printed and "Traceback" not in printed


def test_show_and_report_read_a_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    folder = open_run("model").folder
    assert call(monkeypatch, "show", str(folder)) == 0
    assert call(monkeypatch, "report", str(folder)) == 0
    printed = capsys.readouterr().out
    assert "Part model, run mine" in printed and printed.strip().endswith("report.html")


def test_site_writes_pages_that_open_from_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    run = open_run("edge", run_id="quick")
    run.step("a", lambda: 1)
    assert call(monkeypatch, "site", "edge", "--out", str(tmp_path / "pages")) == 0
    printed = capsys.readouterr().out
    assert f"edge: the run {run.folder}" in printed and "of at most 10 MB" in printed
    assert printed.strip().endswith((tmp_path / "pages" / "index.html").as_uri())
    assert "raspberrypi5" in (tmp_path / "pages" / "guide.html").read_text()


def test_exit_codes_are_distinct_and_the_readme_lists_them(root: Path) -> None:
    kinds = [k for k in vars(snippets.errors).values() if isinstance(k, type) and issubclass(k, KitError)]
    codes = [k.exit_code for k in kinds]
    assert len(set(codes)) == len(codes)
    listed = {int(n) for n in re.findall(r"^\| (\d+) \|", (root / "README.md").read_text(), re.MULTILINE)}
    assert set(codes) | {0, 130} <= listed


EAGER = "model.baseline.eager"


def test_predictions_are_asked_for_as_a_file_and_what_is_open_in_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "mine.toml"
    assert call(monkeypatch, "questions", "model", "--predictions", str(file)) == 0
    assert "predictions to fill in" in capsys.readouterr().out
    file.write_text(file.read_text().replace(f'{EAGER} = ""', f"{EAGER} = [5, 20]"))
    assert call(monkeypatch, "questions", "model", "--open", "--predictions", str(file)) == 0
    shown = capsys.readouterr().out
    assert EAGER not in shown and "model.graph.winner" in shown


def test_a_bad_prediction_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"{EAGER} = 12\n")
    runs = tmp_path / "runs"
    for verb in (("run", "model"), ("go", "model", "--netid", "ab123")):
        code = call(monkeypatch, *verb, "--predictions", str(file), "--runs", str(runs))
        told = capsys.readouterr().err
        assert code == snippets.errors.UsageError.exit_code and "mine.toml, line 1" in told and "an interval" in told
    assert not runs.exists()


@pytest.mark.parametrize("other", [("--grid", "threads=1,2"), ("--mode", "replay")])
def test_predictions_go_with_one_run_that_measures(
    other: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "mine.toml").write_text("")
    words = ("run", "model", "--predictions", str(tmp_path / "mine.toml"), *other)
    assert call(monkeypatch, *words) == 2 and "one run that measures" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("params", "edge"), ("questions", "system"), ("status",), ("slots", "nothing")])
def test_at_a_terminal_of_60_columns_no_line_is_longer_but_a_path(root: Path, words: tuple[str, ...]) -> None:
    written = plain(at_terminal([sys.executable, str(root / "servelab.py"), *words]))
    assert [line for line in written.split("\n") if len(line) > 60 and "/" not in line] == []
    assert len(written.split("\n")) > 2


def test_at_a_terminal_an_error_is_red_unless_colour_is_refused_and_in_a_pipe_it_is_as_it_was(root: Path) -> None:
    words = [sys.executable, str(root / "servelab.py"), "show", "/no/such/run"]
    red, refused = at_terminal(words, 200), at_terminal(words, 200, {"NO_COLOR": "1"})
    assert red.startswith("\x1b[31mservelab:\x1b[0m ") and "\x1b" not in refused
    piped = subprocess.run(words, capture_output=True, text=True).stderr
    assert piped.startswith("servelab: ") and piped.count("\n") == 1
    assert plain(red).replace("\n  ", " ") == refused.replace("\n  ", " ") == piped
