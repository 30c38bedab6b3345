"""Stands in for `Rest`: answers that a test has written down, and a record of what was asked."""

from __future__ import annotations

from typing import Any


class FakeRest:
    """`answers["GET /leases"]` is what that request brings; an exception is raised. `asked` holds (words, body)."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[tuple[str, Any]] = []
        self.skew_s = 0.0

    def call(
        self, method: str, service: str, path: str, doing: str, *, body: Any = None, again: bool | None = None
    ) -> Any:
        self.asked.append((f"{method} {path}", body))
        answer = self.answers[f"{method} {path}"]
        if isinstance(answer, BaseException):
            raise answer
        return answer
