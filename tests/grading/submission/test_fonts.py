"""Every character of an answer is drawn, or shown as its code point: none is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from grading.submission import fonts


@dataclass(frozen=True)
class Face:
    """A font of a collection, as Typst lists it."""

    path: str
    index: int = 0
    style: str = "normal"
    weight: int = 400


@dataclass(frozen=True)
class Collection:
    """Fonts that are at hand."""

    faces: tuple[Face, ...]

    def fonts(self) -> tuple[Face, ...]:
        return self.faces


CARRIED = Collection((Face("carried.ttf"), Face("bold.ttf", weight=700), Face("slanted.ttf", style="italic")))
SYSTEM = Collection((*CARRIED.faces, Face("system.ttf")))
DRAWS = {"carried.ttf": "αβ", "system.ttf": "αβγ", "bold.ttf": "αβγδ", "slanted.ttf": "αβγδ"}


@pytest.fixture
def two_collections(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The carried fonts draw α and β, those of the system γ as well; δ is drawn by no upright font of normal weight."""
    monkeypatch.setattr(fonts, "collection", lambda with_system: SYSTEM if with_system else CARRIED)
    monkeypatch.setattr(fonts, "covered", lambda path, face: frozenset(map(ord, DRAWS[path])))
    yield


def test_what_the_carried_fonts_draw_needs_no_others(two_collections: None) -> None:
    assert fonts.settable("abc, αβ: é\n\t") == (CARRIED, ())


def test_the_systems_fonts_are_asked_for_what_is_lacking(two_collections: None) -> None:
    assert fonts.settable("αβγ") == (SYSTEM, ())


def test_what_no_font_draws_is_shown_as_its_code_point(two_collections: None) -> None:
    found, replaced = fonts.settable("αδ")
    assert (found, replaced) == (SYSTEM, ("δ",))
    assert fonts.visible("αδ!", replaced) == "α⟦U+03B4⟧!"


@pytest.mark.parametrize("char", ["\x07", "\u202e", "\ue000", "\u0378", "\x00"])
def test_controls_and_what_has_no_meaning_of_its_own_are_never_set(two_collections: None, char: str) -> None:
    assert fonts.settable(f"a{char}b") == (CARRIED, (char,))


@pytest.mark.parametrize("char", ["\u200d", "\ufe0f", "\u200b", "\ufeff", "\r"])
def test_joiners_and_selectors_shape_their_neighbours_and_are_left(two_collections: None, char: str) -> None:
    assert fonts.settable(f"a{char}b") == (CARRIED, ())


def test_line_ends_of_every_system_become_the_same() -> None:
    assert fonts.visible("a\r\nb\rc\nd", ()) == "a\nb\nc\nd"


def test_code_points_have_at_least_four_digits() -> None:
    assert fonts.visible("\x07\U00013000", ("\x07", "\U00013000")) == "⟦U+0007⟧⟦U+13000⟧"


def test_the_font_packages_of_this_environment_are_found_and_draw_the_worlds_scripts() -> None:
    pytest.importorskip("manimgx_fonts")
    pytest.importorskip("manimgx_fonts_cjk")
    assert len(fonts.carried()) == 2 and all(Path(folder).is_dir() for folder in fonts.carried())
    assert fonts.missing("Ж 你 م 😀", with_system=False) == set()
