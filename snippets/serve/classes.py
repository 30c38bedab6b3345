"""Which class an answer names, whatever it consists of: scores, a number, a name, JSON of many forms, a page."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snippets.serve.own_http import Reply

# Where services keep their answer, in the order in which to look.
ANSWERS = ("prediction", "predicted_class", "class_name", "class", "label", "category", "predictions", "classes")
SCORES = ("probabilities", "scores", "logits", "output", "outputs")
CONFIDENCES = ("probability", "score", "confidence")
_OTHER = re.compile(r"[^a-z0-9]+")


def plain(name: str) -> str:
    """A class's name as it is compared: small letters and digits, other signs as one blank."""
    return _OTHER.sub(" ", html.unescape(name).lower()).strip()


def known(name: str, labels: Sequence[str]) -> str | None:
    """Which of `labels` a name means; None if it is none of them."""
    return next((label for label in labels if plain(label) == plain(name)), None)


def of_tensors(outputs: Mapping[str, np.ndarray], batch: int, labels: Sequence[str]) -> list[str] | None:
    """A class a photo, from a model's output tensors; None where none of them tells.

    Scores tell it by the largest (those of as many classes as `labels` first), whole numbers and texts by themselves.
    A number without a label is "class 281".
    """
    tables = [values.reshape(batch, -1) for values in outputs.values() if values.size % batch == 0]
    tables.sort(key=lambda table: table.shape[1] != len(labels))
    for table in tables:
        if table.dtype.kind == "f" and table.shape[1] > 1:
            return [_numbered(int(np.argmax(row)), labels) for row in table]
    for table in tables:
        if table.dtype.kind in "iu" and table.shape[1] == 1:
            return [_numbered(int(row[0]), labels) for row in table]
        if table.dtype.kind == "O":
            return [_of_text(row[0], labels) for row in table]
        if table.dtype.kind in "iu":  # scores of a quantized network
            return [_numbered(int(np.argmax(row)), labels) for row in table]
    return None


def of_answer(reply: Reply, labels: Sequence[str]) -> str | None:
    """The class that an endpoint's answer names for one photo: in JSON, or as the only one of `labels` in its text."""
    value = reply.json()
    if value is not None:
        found = _in_json(value, labels)
        return known(found, labels) or found if found is not None else None
    text = f" {plain(reply.text)} "
    named = [label for label in labels if f" {plain(label)} " in text]
    # "Fried egg" names an egg too, but of these labels only the longest that is there counts.
    named = [one for one in named if not any(one != other and plain(one) in plain(other) for other in named)]
    return named[0] if len(named) == 1 else None


def _in_json(value: Any, labels: Sequence[str]) -> str | None:
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return None
    if isinstance(value, int):
        return _numbered(value, labels) if value >= 0 else None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, Mapping):
        return _in_object(value, labels)
    if isinstance(value, list) and value:
        return _in_list(value, labels)
    return None


def _in_object(value: Mapping[str, Any], labels: Sequence[str]) -> str | None:
    for key in (*ANSWERS, *SCORES):
        # Text below a key of scores is no class: "output": "saved".
        if key in value and not (key in SCORES and not isinstance(value[key], Mapping | list)):
            found = _in_json(value[key], labels)
            if found is not None:
                return found
    if len(value) > 1 and all(map(_is_number, value.values())) and any(known(key, labels) for key in value):
        return max(value, key=lambda key: value[key])
    return None


def _in_list(value: Sequence[Any], labels: Sequence[str]) -> str | None:
    if len(value) > 1 and all(map(_is_number, value)):
        return _numbered(int(np.argmax(value)), labels)
    if all(isinstance(one, Mapping) for one in value):
        for key in CONFIDENCES:
            if all(_is_number(one.get(key)) for one in value):
                return _in_json(max(value, key=lambda one: one[key]), labels)
    return _in_json(value[0], labels) if isinstance(value[0], Mapping | list | str | int) else None


def _of_text(value: Any, labels: Sequence[str]) -> str:
    """A text tensor's element: a name, or Triton's "score:number:label"."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    found = re.fullmatch(r"-?[\d.eE+-]+:(\d+)(?::(.*))?", text)
    if found:
        text = found[2] or _numbered(int(found[1]), labels)
    return known(text, labels) or text.strip()


def _numbered(number: int, labels: Sequence[str]) -> str:
    return labels[number] if number < len(labels) else f"class {number}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
