"""Dockerfiles are read as Docker reads them, and each mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve.containers import dockerfile, pins

GOOD = """\
ARG PYTHON_IMAGE={python}
FROM ${{PYTHON_IMAGE}}
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
        good = GOOD.format(python=held.images["PYTHON_IMAGE"])
        assert old in good
        path = tmp_path / "Dockerfile"
        path.write_text(good.replace(old, new) if old else good)
        (tmp_path / "Dockerfile.dockerignore").write_text("# comment\nruns\n*.onnx\n")
        return dockerfile.problems(path, pins.ROOT, held)

    return problems


def test_hadolint_is_there_and_would_complain(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text("FROM debian:latest\nRUN cd /tmp && sudo apt-get install curl\n")
    found = dockerfile.hadolint(path)
    if found is None:
        pytest.skip("hadolint is not installed")
    assert any("DL3007" in line for line in found) and any("DL3004" in line for line in found)


def test_continued_lines_and_comments_are_read_as_docker_reads_them() -> None:
    found = dockerfile.parse("# syntax\nRUN a \\\n  # why\n  && b \\\n\n  && c\nUSER 1000\n")
    assert [(item.line, item.name, item.rest) for item in found] == [(2, "RUN", "a && b && c"), (7, "USER", "1000")]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("FROM ${{PYTHON_IMAGE}}".format(), "FROM python:3.12", "FROM must name a pinned argument"),
        ("3.12.12", "3.12.11", "pins.toml says"),
        ("WORKDIR", "ARG SURPRISE=1\nWORKDIR", "SURPRISE is not in pins.toml"),
        ("numpy==2.2.6", "numpy==${{N}}".format(), "was not declared with ARG"),
        ("COPY LICENSE", "COPY NOWHERE", "NOWHERE does not exist"),
        ("COPY LICENSE ./", "COPY LICENSE nowhere/*.toml ./", "nowhere/*.toml does not exist"),
        ("COPY LICENSE ./", "ADD https://host/file ./", "use COPY"),
        ('"numpy==2.2.6"', "numpy", "numpy without a version"),
        ("RUN pip", "RUN apt-get install -y curl && pip", "--no-install-recommends"),
        ("RUN pip", "RUN apt-get install -y --no-install-recommends curl && pip", "lists stay"),
        ("USER 1000", "USER root", "number other than 0"),
        ("USER 1000", "USER 0", "number other than 0"),
        ("USER 1000\n", "", "number other than 0"),
        ('HEALTHCHECK CMD ["true"]\n', "", "no HEALTHCHECK"),
        ('["python", "-m", "snippets.serve.endpoint"]', "python -m snippets.serve.endpoint", "exec form"),
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
    path.write_text(GOOD.format(python=held.images["PYTHON_IMAGE"]).replace("COPY LICENSE", "COPY food.onnx"))
    (tmp_path / "food.onnx").touch()
    path.with_name("Dockerfile.dockerignore").write_text("*.onnx\n")
    assert any("left out by the .dockerignore" in problem for problem in dockerfile.problems(path, tmp_path, held))


def test_arguments_are_told_with_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG A=python:3.12\nARG B\nFROM ${A}\nARG C=x=y\n")
    assert dockerfile.declared(tmp_path / "Dockerfile") == {"A": "python:3.12", "B": "", "C": "x=y"}
