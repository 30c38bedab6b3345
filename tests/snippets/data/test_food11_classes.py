"""Food-11's classes keep the numbers that its file names carry."""

from __future__ import annotations

from snippets.data.food11_classes import CLASSES, class_of
from snippets.data.rehearsal.dishes import DISHES


def test_a_flat_name_begins_with_the_number_of_its_class() -> None:
    assert class_of("3_120.jpg") == "Egg"
    assert class_of("10_0.png") == "Vegetable-Fruit"


def test_a_number_beyond_the_eleven_is_a_class_of_its_own() -> None:
    assert class_of("11_4.jpg") == "class 11"


def test_another_kind_of_name_tells_no_class() -> None:
    assert class_of("egg.jpg") is None and class_of("3-120.jpg") is None


def test_the_rehearsal_set_draws_a_dish_for_every_class_in_their_order() -> None:
    assert tuple(DISHES) == CLASSES and len(CLASSES) == 11
