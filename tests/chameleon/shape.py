"""Compare two JSON answers by their form: keys, types, kinds of text (dates, ids), and the words of errors."""

from __future__ import annotations

import re
from typing import Any

TEXTS = (
    ("dots", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}"),
    ("micro", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
    ("plain", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"),
    ("zulu", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    ("uuid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ("hex", r"[0-9a-f]{32}"),
    ("hash", r"[0-9a-f]{56,}"),
    ("address", r"\d+\.\d+\.\d+\.\d+"),
    ("mac", r"([0-9a-f]{2}:){5}[0-9a-f]{2}"),
    ("number", r"\d{1,6}"),
    ("url", r"https?://\S+"),
    ("properties", r"\[.*\]"),
)


def kind(value: Any) -> str:
    if isinstance(value, str):
        return next((name for name, pattern in TEXTS if re.fullmatch(pattern, value)), "text")
    return {bool: "flag", int: "integer", float: "float", type(None): "null"}[type(value)]


def differences(recorded: Any, seen: Any, at: str = "", loose: frozenset[str] = frozenset()) -> list[str]:
    """What differs, a line each; null stands for anything. `loose`: keys whose kind of text may differ."""
    if recorded is None or seen is None:
        return []
    if isinstance(recorded, dict) and isinstance(seen, dict):
        found = [f"{at}.{key}: missing" for key in sorted(recorded.keys() - seen.keys())]
        found += [f"{at}.{key}: not in the recorded answer" for key in sorted(seen.keys() - recorded.keys())]
        for key in sorted(recorded.keys() & seen.keys()):
            if key not in loose:
                found += differences(recorded[key], seen[key], f"{at}.{key}", loose)
        return found
    if isinstance(recorded, list) and isinstance(seen, list):
        if bool(recorded) != bool(seen):
            return [f"{at}: {len(recorded)} recorded, {len(seen)} seen"]
        return differences(recorded[0], seen[0], f"{at}[0]", loose) if recorded else []
    if isinstance(recorded, dict | list) or isinstance(seen, dict | list):
        return [f"{at}: {type(recorded).__name__} recorded, {type(seen).__name__} seen"]
    expected, got = kind(recorded), kind(seen)
    return [] if expected == got else [f"{at}: {expected} recorded ({recorded!r}), {got} seen ({seen!r})"]


def words(message: str) -> str:
    """An error message without what differs from time to time: ids, addresses, dates."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", "ID", message)
    text = re.sub(r"\d+\.\d+\.\d+\.\d+", "ADDRESS", text)
    return re.sub(r"datetime\.datetime\([^)]*\)", "DATE", text)


def message_of(body: Any) -> str:
    """The message of an error answer of any of the services."""
    if isinstance(body, str):
        return re.sub(r"<[^>]+>|\s+", " ", body).strip()
    if not isinstance(body, dict):
        return ""
    if "error_message" in body:
        return str(body["error_message"])
    inner = next(iter(body.values()), None)
    return str(inner.get("message", "")) if isinstance(inner, dict) else ""
