"""Faults switched on and off by name while the emulator runs."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .wire import Reply, Request

Play = Callable[["Active", Any, Request, "Reply | None"], "Reply | None"]


@dataclass(frozen=True)
class Fault:
    """One row of the fault table.

    `service`: where it strikes (`keystone`, `blazar`, ..., `node`, `any`). `does`: what happens on the wire.
    `remedy`: what the message to the student must make clear. A wire fault has `match`, a regular expression
    on "METHOD /path", and `play`; any other fault is asked for by name where the emulator's services act.
    `late`: the request is carried out first, then its answer is spoilt.
    """

    name: str
    service: str
    does: str
    remedy: str
    match: str = ""
    play: Play | None = None
    late: bool = False
    defaults: dict[str, Any] = field(default_factory=dict)


@dataclass
class Active:
    """A fault that is on. `times` None: until switched off. `after`: that many occasions pass unharmed first."""

    fault: Fault
    times: int | None
    after: int
    params: dict[str, Any]
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def after_answer(self) -> bool:
        return self.fault.late

    def play(self, handler: Any, request: Request, reply: Reply | None = None) -> Reply | None:
        assert self.fault.play is not None
        return self.fault.play(self, handler, request, reply)


class Faults:
    """`on(name, times=1, after=0, **params)`, `off(name)`, `hits[name]`: how often it struck."""

    def __init__(self, table: dict[str, Fault]) -> None:
        self.table = table
        self.hits: dict[str, int] = dict.fromkeys(table, 0)
        self._active: dict[str, Active] = {}
        self._lock = threading.Lock()

    def on(self, name: str, times: int | None = None, after: int = 0, **params: Any) -> None:
        if name not in self.table:
            raise KeyError(f"no fault named {name!r}; known: {', '.join(sorted(self.table))}")
        unknown = set(params) - set(self.table[name].defaults)
        if unknown:
            raise TypeError(f"fault {name} has no parameter {', '.join(sorted(unknown))}")
        with self._lock:
            self._end(name)
            self._active[name] = Active(self.table[name], times, after, {**self.table[name].defaults, **params})

    def off(self, name: str | None = None) -> None:
        """Switch one fault off, or all; connections that one keeps hanging are closed."""
        with self._lock:
            for each in [name] if name else list(self._active):
                self._end(each)

    def is_on(self, name: str) -> bool:
        with self._lock:
            return name in self._active

    def _end(self, name: str) -> None:
        gone = self._active.pop(name, None)
        if gone is not None:
            gone.over.set()

    def _strike(self, active: Active) -> bool:
        if active.after > 0:
            active.after -= 1
            return False
        self.hits[active.fault.name] += 1
        if active.times is not None:
            active.times -= 1
            if active.times <= 0:
                del self._active[active.fault.name]
        return True

    def take(self, name: str, text: str | None = None) -> dict[str, Any] | None:
        """The parameters of fault `name` if it strikes now, else None.

        With `text`, only where the fault's parameter `match`, a regular expression, is found in it.
        """
        assert name in self.table, name
        with self._lock:
            active = self._active.get(name)
            if active is None or (text is not None and not re.search(active.params.get("match", ""), text)):
                return None
            return active.params if self._strike(active) else None

    def params(self, name: str) -> dict[str, Any] | None:
        """The parameters of fault `name` while it is on, without striking."""
        with self._lock:
            active = self._active.get(name)
            return None if active is None else active.params

    def left(self, name: str) -> int | None:
        """How often fault `name` still strikes: 0 when off, None without end."""
        with self._lock:
            active = self._active.get(name)
            return 0 if active is None else active.times

    def for_request(self, service: str, method: str, path: str) -> Active | None:
        with self._lock:
            for active in list(self._active.values()):
                fault = active.fault
                at = active.params.get("service", fault.service)
                match = active.params.get("match", fault.match)
                if fault.play is None or at not in (service, "any") or not re.search(match, f"{method} {path}"):
                    continue
                if self._strike(active):
                    return active
        return None
