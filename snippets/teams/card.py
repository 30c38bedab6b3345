"""A team's card: the numbers that its service is made with. Cards are written down in TOML, a table a team."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from snippets.errors import UsageError

MOST = {"instances": 8, "threads": 16, "max_batch": 64, "delay_ms": 1000}


@dataclass(frozen=True)
class Card:
    """The numbers of a team's service.

    `instances`: copies of the model; `threads`: what one copy may use for an execution; `max_batch`: photos that are
    answered together (1: no dynamic batching); `delay_ms`: how long the first of a batch may wait for the others.
    Raises UsageError, naming the number, for one that cannot be.
    """

    name: str
    instances: int = 1
    threads: int = 1
    max_batch: int = 1
    delay_ms: float = 0.0

    def __post_init__(self) -> None:
        for what, most in MOST.items():
            value, least = getattr(self, what), 0 if what == "delay_ms" else 1
            whole = isinstance(value, int) or (what == "delay_ms" and isinstance(value, float))
            if isinstance(value, bool) or not whole or not least <= value <= most:
                kind = "a number" if what == "delay_ms" else "a whole number"
                raise UsageError(f"[{self.name}] {what} = {value!r}: give {kind} from {least} to {most}")
        if self.delay_ms and self.max_batch == 1:
            raise UsageError(
                f"[{self.name}] waits {self.delay_ms:g} ms for a batch of one: give max_batch, or no delay"
            )

    def toml(self) -> str:
        """The card as a table of TOML."""
        lines = [f"{name} = {value:g}" for name, value in asdict(self).items() if name != "name"]
        return "\n".join((f"[{self.name}]", *lines))


def read(text: str, plain: dict[str, Card]) -> dict[str, Card]:
    """Cards written in TOML, by team; what a table leaves out stays as it is in the team's `plain` card.

    Raises UsageError that names the line, the team or the number that is wrong.
    """
    known = [field.name for field in fields(Card) if field.name != "name"]
    for team, numbers in tables(text).items():
        if team not in plain:
            raise UsageError(f"there is no team [{team}]; the teams are {', '.join(plain)}")
        if not isinstance(numbers, dict):
            raise UsageError(f"{team} = {numbers!r}: write a table, [{team}], and its numbers below it")
        if strange := [name for name in numbers if name not in known]:
            raise UsageError(f"[{team}] has no {strange[0]}; a card has {', '.join(known)}")
    return {team: replace(card, **tables(text).get(team, {})) for team, card in plain.items()}


def tables(text: str) -> dict[str, Any]:
    """The tables of a text of TOML. Raises UsageError that names the line of a mistake."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the cards are not valid TOML: {error}") from error
