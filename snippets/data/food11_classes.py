"""Food-11's eleven classes, by their number: a class's place here is its label, and begins its flat file names."""

from __future__ import annotations

import re

CLASSES = (
    "Bread",
    "Dairy product",
    "Dessert",
    "Egg",
    "Fried food",
    "Meat",
    "Noodles-Pasta",
    "Rice",
    "Seafood",
    "Soup",
    "Vegetable-Fruit",
)
FLAT_NAME = re.compile(r"(\d+)_\d+\.\w+$")


def class_of(file_name: str) -> str | None:
    """The class that a flat Food-11 name begins with ("3_120.jpg" is Egg); None for another kind of name."""
    match = FLAT_NAME.fullmatch(file_name)
    if match is None:
        return None
    number = int(match[1])
    return CLASSES[number] if number < len(CLASSES) else f"class {number}"
