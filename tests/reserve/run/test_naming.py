"""What a part's run is called: other parameters are another run, and none is written outside of its part's folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import snippets.parts
from reserve.run.naming import changed, named, require_run, require_same_run
from reserve.run.options import RunOptions
from reserve.run.parameters import of_parts, resolve
from snippets.errors import RecordError, UsageError
from snippets.record.run import open_run
from tests.reserve.run.test_here import lab  # noqa: F401


def name(*params: str, **options: object) -> str:
    return named("model", RunOptions(params=params, **options)).name  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def one_notebook(lab) -> None:  # noqa: F811
    lab(n1_first=())


def test_a_run_is_called_after_its_profile_and_what_is_not_as_the_notebooks_have_it() -> None:
    assert name() == "quick" and name(profile="full") == "full"
    assert name("threads=3") == "quick-threads-3"
    assert name("threads=1", "data=rehearsal") == "quick"
    assert name("threads=3", "data=~/photos") == name("data=~/photos", "threads=3") == "quick-data-photos-threads-3"
    assert name("threads=3", profile="full") == "full-threads-3"
    assert name("threads=3", run_id="mine") == "mine"


def test_a_setting_of_another_part_does_not_rename_this_one() -> None:
    assert changed("model", ["gpus=2", "threads=4"]) == ["threads=4"]


@pytest.mark.parametrize("run_id", ["../x", "..", "a/b", "", "/tmp/x"])
def test_a_name_that_leads_elsewhere_is_refused(run_id: str) -> None:
    with pytest.raises(UsageError, match="^--run-id is .*names one folder"):
        name(run_id=run_id)


def test_what_a_run_was_measured_with_is_held_against_what_its_notebooks_get(tmp_path: Path) -> None:
    def ask(*settings: str) -> None:
        known = of_parts(("model",))
        require_same_run(folder, resolve(settings, {"profile": "quick"}, known), known)

    folder = tmp_path / "model" / "quick"
    ask("threads=9")
    run = open_run(
        "model", runs=tmp_path, run_id="quick", notebook="1_first", parameters={"profile": "quick", "threads": 1}
    )
    ask("threads=9")
    run.step("a/x/latency", lambda: 1, inputs={})
    ask()
    ask("threads=1", "data=elsewhere")
    with pytest.raises(UsageError, match="measured with threads=1, not threads=9"):
        ask("threads=9")


def test_a_run_to_be_replayed_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no run quick to replay .*It has no run there"):
        require_run(tmp_path / "model" / "quick")
    require_run(open_run("model", runs=tmp_path, run_id="quick").folder)
    with pytest.raises(RecordError, match=r"no run full .*The runs of model there: quick \(--run-id\)"):
        require_run(tmp_path / "model" / "full")


def test_the_notebooks_of_the_lab_hold_to_it_too(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setattr(snippets.parts, "NOTEBOOKS", root / "notebooks")
    for part in snippets.parts.PARTS:
        assert named(part, RunOptions()).name == "quick"
        for path in snippets.parts.notebooks(part):
            text = "".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"])
            assert "run_id=run_id or profile" in text, path
            assert "parameters=dict(profile=profile," in "".join(text.split()), path
            assert 'run_id: str = ""' in text, "the same default run as `servelab run`"
