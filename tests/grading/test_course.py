"""The page for instructors, grading/COURSE.md, is true: its files are written into a copy of the kit, its commands are
called there, what they print is what the page shows, and each change arrives."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHOWN = re.compile(r"```text\n(.*?)\n```\n", re.S)
CLASSES = ("cats", "dogs")
ROSTER = "netid,tz\nab123,America/New_York\ncd456,Asia/Kolkata\n"


def files_of(page: str) -> dict[str, str]:
    """The files that the page shows, by name: each named in the paragraph above it."""
    found = {}
    for block in re.finditer(r"^(`{3,4})(toml|python|markdown)\n(.*?)\n^\1$", page, re.S | re.M):
        before = page[: block.start()].rstrip().rsplit("\n\n", 1)[-1]
        names = re.findall(r"`(own/[\w/.]+\.(?:toml|py|md))`", before)
        found[names[0]] = block[3] + "\n"
    return found


def copy_of(root: Path, kit: Path) -> None:
    """The checkout without what is not the kit's."""
    left_out = shutil.ignore_patterns(
        ".git", ".venv", "runs", "__pycache__", "own", ".*_cache", "*.egg-info", "mutants"
    )
    shutil.copytree(root, kit, ignore=left_out)


def call(kit: Path, *words: str, code: int = 0, module: str = "servelab") -> str:
    """What a command of the copy prints; it must end with `code`."""
    env = {name: value for name, value in os.environ.items() if name != "SERVELAB_OWN"}
    env |= {"PYTHONPATH": str(kit), "SERVELAB_CACHE": str(kit.parent / "cache"), "COLUMNS": "200"}
    ended = subprocess.run(
        [sys.executable, "-m", module, *words], cwd=kit, env=env, capture_output=True, text=True, timeout=280
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout + (ended.stderr if code else "")


def photos(folder: Path) -> None:
    """Twenty small pictures a class, brighter for the second."""
    rng = np.random.default_rng(3)
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for each in range(20):
            pixels = rng.integers(100 * number, 100 * number + 120, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{each}.png")


def weights(path: Path) -> None:
    import torch

    from snippets.model.mobilenet import mobilenet_v2
    from snippets.model.weights_file import save_weights

    torch.manual_seed(1)
    save_weights(mobilenet_v2(len(CLASSES)), path, CLASSES)


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "grading" / "COURSE.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def kit(root: Path, page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the kit with the page's course in `own/`, and its notebooks built."""
    kit = tmp_path_factory.mktemp("course") / "kit"
    copy_of(root, kit)
    for name, text in files_of(page).items():
        (kit / name).parent.mkdir(parents=True, exist_ok=True)
        (kit / name).write_text(text, encoding="utf-8")
    (kit / "own" / "staff" / "roster.csv").write_text(ROSTER)
    photos(kit / "own" / "data" / "pets")
    weights(kit / "own" / "data" / "pets.safetensors")
    call(kit, "build", module="grading.notebooks")
    return kit


def cells(path: Path) -> str:
    """A notebook's cells as they read."""
    return "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])


def test_every_file_of_the_page_is_found(page: str) -> None:
    assert set(files_of(page)) == {
        *(f"own/{name}.toml" for name in ("course", "rules", "hardware", "targets", "prices")),
        *("own/questions/model.toml", "own/staff/rubrics/model.toml", "own/staff/judges/model.py"),
        "own/notebooks/model/8_pets.md",
    }


def test_the_check_says_what_changes_as_the_page_shows_it(kit: Path, page: str) -> None:
    assert call(kit, "course").splitlines() == SHOWN.findall(page)[0].splitlines()


def test_every_command_of_the_page_is_one(kit: Path, page: str, root: Path) -> None:
    import servelab

    named = re.findall(r"^    .*?servelab (\w+)", page, re.M)
    assert set(named) >= {"course", "run", "edition", "trovi", "release", "plan"} and set(named) <= set(
        servelab.cli.commands
    )
    assert all(
        re.search(rf"^{target}:", (root / "Makefile").read_text(), re.M) for target in re.findall(r"make (\w+)", page)
    )


def test_hardware_follows(kit: Path) -> None:
    script = "from reserve.hardware import for_part; print([(h.key, h.block_hours) for h in for_part('model')])"
    assert python(kit, script) == "[('gpu_h100', 2)]\n"


def test_the_plan_keeps_the_dates_the_holidays_and_the_hardware(kit: Path) -> None:
    told = call(
        kit, "plan", "--what-if", "students=4,h100=1,p100=1,pi5=1", "--now", "2026-12-01T00:00Z", "--seconds", "3"
    )
    assert told.startswith("4 of 4 students can finish by Fri Mar 26 2027"), told
    lines = (kit / "plan" / "commands.txt").read_text()
    assert lines.count("servelab reserve model") == 4 and "--node gpu_h100-01" in lines
    rows = (kit / "plan" / "plan.csv").read_text()
    assert "2027-03-0" in rows and not re.search(r"2027-03-(16|17|18)T", rows)


def test_the_dates_and_the_roster_of_the_course_need_not_be_typed(kit: Path) -> None:
    """Planned from the saved calendar of the what-if."""
    told = call(
        kit,
        "plan",
        "--calendar",
        "plan/calendar.json",
        "--now",
        "2026-12-01T00:00Z",
        "--seconds",
        "3",
        "--out",
        "plan2",
    )
    assert told.startswith("2 of 2 students can finish by Fri Mar 26 2027"), told


def test_questions_are_added_changed_and_left_out(kit: Path) -> None:
    told = call(kit, "questions", "model")
    assert "model.pets.wrong  [number, 1 point]" in told and "model.kernel.photos" not in told
    assert "model.baseline.interval  [" in told and re.search(r"model.baseline.interval  \[\w+, 3 points\]", told)
    assert "It must be under\n     4 MB" in told  # a question of the kit's quotes the course's target
    assert "1 point for the pair" not in told


def test_notebooks_begin_with_the_courses_values_and_quote_its_targets(kit: Path) -> None:
    first = cells(kit / "notebooks" / "model" / "1_baseline.ipynb")
    assert 'data: str = "own/data/pets"  #' in first and 'weights: str = "own/data/pets.safetensors"  #' in first
    assert "| a server's GPU (H100) | under 0.8 ms | at least 9,000 images/s | |" in first
    assert "below 25 ms" in cells(kit / "notebooks" / "edge" / "1_latency.ipynb")
    assert "The phone's limit is 4 MB." in cells(kit / "own" / "notebooks" / "model" / "8_pets.ipynb")
    assert "model.kernel.photos" not in cells(kit / "notebooks" / "model" / "0_kernel.ipynb")


@pytest.fixture(scope="module")
def run(kit: Path) -> Path:
    """A run of the course's own notebook, with an answer for each of its questions."""
    folder = kit.parent / "runs" / "model" / "quick"
    env = {"runs": str(kit.parent / "runs")}
    script = f"""
import os, papermill
from reserve.run.parameters import of_parts, resolve
known = of_parts(["model"])
(mine,) = [one for one in resolve([], {env!r}, known) if one.notebook.stem == "8_pets"]
os.environ["SERVELAB_BATCH"] = "1"
values = dict(mine.values)
papermill.execute_notebook(str(mine.notebook), "out.ipynb", values, progress_bar=False, kernel_name="python3")
from snippets.record import open_run
record = open_run("model", runs={env["runs"]!r}, run_id="quick", mode="replay").record()
scored = record.result("pets/eager/accuracy")
wrong = int((scored["predictions"] != scored["labels"]).sum())
from grading.questions import ask
run = open_run("model", runs={env["runs"]!r}, run_id="quick")
ask(run, "model.pets.wrong", answer=wrong)
ask(run, "model.pets.why", answer="cats are taken for dogs, the pictures are as dark")
ask(run, "model.kernel.photos", answer=1)
print("WRONG", wrong, "PARAMETERS", record.parameters)
"""
    told = python(kit, script)
    assert "this course does not ask it" in told
    assert "'data': 'own/data/pets'" in told and "'weights': 'own/data/pets.safetensors'" in told
    return folder


def python(kit: Path, script: str) -> str:
    """What a script prints that sees the copy only."""
    env = {name: value for name, value in os.environ.items() if name != "SERVELAB_OWN"}
    env |= {"PYTHONPATH": str(kit), "SERVELAB_CACHE": str(kit.parent / "cache")}
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=kit, env=env, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_record_of_own_data_and_weights_is_judged_by_the_courses_judge(kit: Path, run: Path) -> None:
    assert (run / "figures").is_dir() and list((run / "figures").glob("*pets*"))
    script = f"""
from pathlib import Path
from grading.checks.part import check_part
for one in check_part(Path({str(run)!r})).results:
    if "pets" in one.id or "kernel.photos" in one.id:
        print(one.id, one.kind, one.passed, one.points, one.possible, one.message)
"""
    told = python(kit, script).splitlines()
    assert told[0].startswith("model.pets.wrong answer True 1.0 1.0 Right on your own numbers."), told
    assert told[1].startswith("model.pets.why by hand True 0 2.0") and len(told) == 2


def test_prices_reach_what_is_reckoned_with_them(kit: Path) -> None:
    script = "from snippets.decide import cost; p = cost.load_prices(); print(p.per_gpu_hour, p.per_core_hour, p.note)"
    assert python(kit, script) == "6.5 0.04 our provider, November 2026\n"


def test_the_report_of_a_run_shows_the_courses_figures(kit: Path, run: Path) -> None:
    assert call(kit, "report", str(run), "--out", str(kit.parent / "report.html"))
    html = (kit.parent / "report.html").read_text(encoding="utf-8")
    assert "own/data/pets" in html and "What is taken for what" in html


def test_the_student_edition_has_it_all_but_what_is_for_staff(kit: Path) -> None:
    out = kit.parent / "students"
    path = kit / "notebooks" / "model" / "1_baseline.ipynb"
    path.write_text(path.read_text().replace("answer=...", "answer=[1, 2]"))  # the instructor has tried it
    assert "wrote the student edition" in call(kit, "edition", str(out))
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert {"own/course.toml", "own/data/pets/cats/0.png", "own/notebooks/model/8_pets.ipynb"} <= names
    assert not {name for name in names if "own/staff" in name or "COURSE" in name or name.startswith("tests/")}
    given = cells(out / "notebooks" / "model" / "1_baseline.ipynb")
    assert 'data: str = "own/data/pets"' in given and "answer=..." in given and "[1, 2]" not in given
    told = call(out, "questions", "model")
    assert "model.pets.wrong" in told and "It must be under\n     4 MB" in told
    assert "students' copies of the kit lack" in call(out, "course", code=2)


def test_the_artifact_is_the_edition_packed_with_the_texts_that_trovi_asks_for(kit: Path) -> None:
    for name in ("one.tar.gz", "two.tar.gz"):
        call(kit, "trovi", str(kit.parent / name))
    assert (kit.parent / "one.tar.gz").read_bytes() == (kit.parent / "two.tar.gz").read_bytes()
    with tarfile.open(kit.parent / "one.tar.gz") as archive:
        names = archive.getnames()
    assert {"notebooks/0_reserve.ipynb", "own/course.toml", "servelab.py"} <= set(names)
    assert not [name for name in names if "staff" in name]
    card = json.loads((kit.parent / "one.json").read_text())
    assert card["title"] == "Pets on the edge, spring 2027"
    assert max(len(card["title"]), len(card["short_description"])) <= 70
    assert all(len(tag) <= 32 for tag in card["tags"]) and len(card["long_description"]) <= 5000


def test_the_assignment_and_the_autograder_hold_the_courses_questions(kit: Path) -> None:
    call(kit, "release", "model", "--course", str(kit.parent / "nb"))
    source = kit.parent / "nb" / "source" / "model"
    assert "pets-wrong" in (source / "8_pets.ipynb").read_text() and 'score("model.measured"' in cells(
        source / "8_pets.ipynb"
    )
    assert "1 point for the pair" in (source / "8_pets.ipynb").read_text()  # a hidden test, for staff
    call(kit, "gradescope", "build", "model", "--out", str(kit.parent / "autograder.zip"))
    import zipfile

    with zipfile.ZipFile(kit.parent / "autograder.zip") as archive:
        archive.extractall(kit.parent / "grader")
    names = {path.relative_to(kit.parent / "grader").as_posix() for path in (kit.parent / "grader").rglob("*.*")}
    assert {"own/questions/model.toml", "own/staff/judges/model.py"} <= names
    assert not {name for name in names if name.endswith((".png", "roster.csv"))}
    script = """
from grading.questions import question
from grading.staff.judges import JUDGES
print(JUDGES["model.pets.wrong"], question("model.pets.why").rubric)
"""
    assert "1 point for the pair" in python(kit.parent / "grader", script)


WRONG = {
    "own/course.toml": ("due =", "deu =", "own/course.toml: there is no setting 'deu'; .* Did you mean due?"),
    "own/rules.toml": ("nodes = 2", "nodes = -1", "own/rules.toml: .*nodes is a (whole )?number"),
    "own/hardware.toml": (
        "block_hours = 2",
        "block_hour = 2",
        r"own/hardware.toml: \[gpu_h100\] has unknown settings block_hour",
    ),
    "own/targets.toml": ("size_mb_below = 4", "size_mb = 4", "own/targets.toml: .* number 1 has no setting 'size_mb'"),
    "own/prices.toml": (
        "per_gpu_hour",
        "per_gpu_hours",
        r"own/prices.toml: \[server-gpu\]: there is no 'per_gpu_hours'",
    ),
    "own/questions/model.toml": (
        'kind = "number"',
        'kind = "nummer"',
        "own/questions/model.toml: question 'model.pets.wrong' has kind",
    ),
    "own/staff/rubrics/model.toml": (
        "model.pets.why",
        "model.pets.wy",
        "question 'model.pets.why' is of kind explain and needs a rubric .*own/staff/rubrics/model.toml",
    ),
    "own/staff/judges/model.py": (
        "Number:",
        "Numbr:",
        "own/staff/judges/model.py, line 9: SyntaxError|own/staff/judges/model.py",
    ),
    "own/notebooks/model/8_pets.md": (
        "device.size_mb_below",
        "device.size",
        "8_pets.md: cell .* is no figure of targets.toml; there are targets, server_cpu.p50_ms_below",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_in_a_file_is_named_with_its_place_and_remedy(kit: Path, name: str) -> None:
    right, wrong, told = WRONG[name]
    text = (kit / name).read_text(encoding="utf-8")
    assert right in text
    try:
        (kit / name).write_text(text.replace(right, wrong, 1), encoding="utf-8")
        said = call(kit, "course", code=2 if "rules" not in name else 17)
        assert re.search(told, " ".join(said.split())), said
        assert "Traceback" not in said
        (kit / name).write_text("\n= 3\n" if name.endswith("toml") else text, encoding="utf-8")
        if name.endswith("toml"):
            said = call(kit, "course", code=2 if "rules" not in name else 17)
            assert f"{name} is not valid TOML" in said and "line 2" in said
    finally:
        (kit / name).write_text(text, encoding="utf-8")


def test_a_table_that_nothing_reads_is_told(kit: Path) -> None:
    (kit / "own" / "target.toml").write_text("")
    try:
        assert "own/target.toml is read by nothing" in call(kit, "course", code=2)
    finally:
        (kit / "own" / "target.toml").unlink()


def test_the_kit_has_no_file_in_a_courses_folder(root: Path) -> None:
    tracked = subprocess.run(["git", "-C", str(root), "ls-files", "own"], capture_output=True, text=True)
    assert tracked.stdout == ""
