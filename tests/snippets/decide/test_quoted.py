"""Texts quote the targets, so that a course that changes one changes every sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from snippets.decide.quoted import filled, table
from snippets.decide.targets import target, targets
from snippets.errors import UsageError


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a course's own targets."""
    monkeypatch.setenv("SERVELAB_OWN", str(tmp_path))
    targets.cache_clear()
    yield tmp_path / "targets.toml"
    targets.cache_clear()


def entry(name: str = "server CPU", hardware: str = "Xeon", limit: str = "p50_ms_below = 2") -> str:
    return f'[[target]]\nname = "{name}"\nhardware = "{hardware}"\n{limit}\n'


def test_a_figure_and_the_table_take_the_place_of_their_names() -> None:
    assert filled("below {{ device.p50_ms_below }} ms, {{server_cpu.images_per_s_at_least}} images") == (
        "below 15 ms, 1,000 images"
    )
    assert "| a server's GPU (MI100) | under 1.5 ms | at least 2,500 images/s | |" in filled("{{ targets }}")
    assert filled("{plain} {{ $x$ }}") == "{plain} {{ $x$ }}"


@pytest.mark.parametrize("name", ["device", "device.p50", "devise.p50_ms_below", "device.images_per_s_at_least"])
def test_a_name_that_there_is_not_is_told_with_those_that_there_are(name: str) -> None:
    with pytest.raises(
        UsageError, match=f"{name} .*no figure of targets.toml; there are targets, server_cpu.p50_ms_below"
    ):
        filled(f"{{{{ {name} }}}}")


def test_a_courses_target_comes_first_and_takes_the_place_of_its_like(own: Path) -> None:
    own.write_text(entry() + entry("end-user device", "Cortex-A76", "p50_ms_below = 30"))
    assert target("server CPU").p50_ms_below == 2
    assert target("server CPU", {"cpu": {"model": "AMD EPYC 7763"}}).p50_ms_below == 3
    assert [one.p50_ms_below for one in targets() if one.name == "end-user device"] == [30]
    assert filled("{{ device.p50_ms_below }}") == "30"
    assert "a server's CPU (Xeon)" in table() and "a server's CPU (EPYC 7763)" in table()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            entry(limit="p95_ms_below = 2"),
            "number 1 has no setting 'p95_ms_below'; they are name, hardware, p50_ms_below",
        ),
        (entry() + entry("cpu"), "number 2: name is one of server CPU, server GPU, end-user device, not 'cpu'"),
        (entry(hardware=" "), "hardware is a word of the processor's name"),
        (entry(limit="p50_ms_below = 0"), "p50_ms_below is a number above 0, not 0"),
        (entry(limit="p50_ms_below = '3'"), "p50_ms_below is a number above 0, not '3'"),
        (entry(limit=""), "asks for nothing"),
        ("[target]\nname = 'x'", "tables and nothing else"),
    ],
)
def test_a_wrong_target_is_named_with_its_place(own: Path, text: str, told: str) -> None:
    own.write_text(text)
    with pytest.raises(UsageError, match=f"targets.toml.*{told}"):
        targets()
