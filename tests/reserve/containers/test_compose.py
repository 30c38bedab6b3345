"""Compose files fit the specification's schema, the Dockerfiles and the pins; each mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve.containers import compose, pins
from snippets.errors import ToolMissing, UsageError


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


def test_a_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text("services: [")
    with pytest.raises(UsageError, match=r"compose\.yaml is not valid YAML"):
        compose.read(path)


def test_the_schema_is_the_compose_specifications() -> None:
    assert {"services", "volumes"} <= set(compose.schema()["properties"])


def test_without_the_schema_the_package_that_carries_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(package: str) -> None:
        raise ModuleNotFoundError(package)

    monkeypatch.setattr("importlib.resources.files", absent)
    with pytest.raises(ToolMissing, match="pip install check-jsonschema"):
        compose.schema()
