"""A class is read from whatever names one, and from nothing that does not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from snippets.data.food11_classes import CLASSES
from snippets.serve import classes
from snippets.serve.own_http import Reply

SCORES = np.eye(len(CLASSES), dtype=np.float32)[[2, 7]]


def answer(value: Any) -> str | None:
    return classes.of_answer(Reply("http://x", 200, {}, json.dumps(value).encode()), CLASSES)


def page(text: str) -> str | None:
    return classes.of_answer(Reply("http://x", 200, {"content-type": "text/html"}, text.encode()), CLASSES)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"prediction": "Dessert", "probability": 0.9}, "Dessert"),
        ({"predicted_class": "noodles/pasta"}, "Noodles-Pasta"),
        ({"class": 2}, "Dessert"),
        ({"class": 281}, "class 281"),
        ({"label": "espresso"}, "espresso"),
        ({"predictions": [{"label": "Egg", "score": 0.2}, {"label": "Rice", "score": 0.7}]}, "Rice"),
        ([{"label": "Soup", "score": 0.9}, {"label": "Rice", "score": 0.1}], "Soup"),
        ({"predictions": [[0.1, 0.7, 0.2]]}, "Dairy product"),
        ({"outputs": [0.1, 0.2, 0.7]}, "Dessert"),
        ({"Bread": 0.1, "Soup": 0.9}, "Soup"),
        ({"probabilities": {"Bread": 0.8, "Soup": 0.2}}, "Bread"),
        ("Meat", "Meat"),
    ],
)
def test_json_of_many_forms_names_a_class(value: Any, named: str) -> None:
    assert answer(value) == named


@pytest.mark.parametrize(
    "value",
    [
        {"error": "Dessert is out"},
        {"output": "saved"},
        {"prediction": None},
        {"prediction": ""},
        [],
        {},
        True,
        None,
        0.5,
    ]
    + [{"width": 3, "height": 4}, {"prediction": {"error": "no model"}}],
)
def test_json_that_names_none_is_not_read_as_one(value: Any) -> None:
    assert answer(value) is None


def test_a_page_names_a_class_if_it_names_only_one() -> None:
    assert page('<button class="btn btn-info btn-sm">Noodles-Pasta</button>') == "Noodles-Pasta"
    assert page("I am sure: it is <b>dairy&nbsp;product</b>!") == "Dairy product"
    assert page('<a href="#" class="badge badge-warning">Warning</a>') is None
    assert page("Bread, Soup or Rice? Upload a photo.") is None
    assert page("the price is high") is None  # no rice
    assert page('<img alt="" src="Soup.png">') is None  # within a tag


def test_scores_of_as_many_classes_as_labels_come_first() -> None:
    other = np.zeros((2, 3), dtype=np.float32)
    assert classes.of_tensors({"boxes": other, "scores": SCORES}, 2, CLASSES) == ["Dessert", "Rice"]
    assert classes.of_tensors({"scores": SCORES.reshape(2, 11, 1, 1)}, 2, CLASSES) == ["Dessert", "Rice"]


def test_numbers_texts_and_integer_scores_tell_a_class_too() -> None:
    assert classes.of_tensors({"class": np.array([2, 281])}, 2, CLASSES) == ["Dessert", "class 281"]
    texts = np.array([b"0.93:7:Rice", b"12.5:2", b"soup"], dtype=object)
    assert classes.of_tensors({"label": texts}, 3, CLASSES) == ["Rice", "Dessert", "Soup"]
    quantized = (SCORES * 100).astype(np.uint8)
    assert classes.of_tensors({"scores": quantized}, 2, CLASSES) == ["Dessert", "Rice"]


def test_of_scores_and_a_number_the_scores_tell() -> None:
    both = {"number": np.array([0, 0]), "scores": SCORES}
    assert classes.of_tensors(both, 2, CLASSES) == ["Dessert", "Rice"]


def test_tensors_that_fit_no_photo_tell_nothing() -> None:
    assert classes.of_tensors({"one": np.zeros(3, np.float32)}, 2, CLASSES) is None
    assert classes.of_tensors({"one": np.zeros((2, 1), np.float32)}, 2, CLASSES) is None
    assert classes.of_tensors({}, 2, CLASSES) is None
