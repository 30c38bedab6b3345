"""The hardware that a course leases, read from hardware.toml: a course edits the table, not the code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from reserve.calendar import Block
from snippets.errors import UsageError

TABLE = Path(__file__).with_name("hardware.toml")


@dataclass(frozen=True)
class Hardware:
    """One kind of node (bare metal, SSH) or device (a container, no SSH), and the course's rules for it."""

    key: str
    site: str
    part: str
    kind: Literal["node", "device"]
    block_hours: int
    end_margin_minutes: int
    user: str
    network: str
    max_lease_days: int = 7
    boot_minutes: int = 20
    node_type: str = ""
    machine_name: str = ""
    image: str = ""
    flavor: str = ""
    container_image: str = ""
    extra: str = ""
    images: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    disk_gb: float = 20.0
    about: str = ""
    pins: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)

    @property
    def block(self) -> Block:
        """The course's block on this hardware."""
        return Block(self.block_hours, self.end_margin_minutes)

    @property
    def type_name(self) -> str:
        """What a reservation asks for: the node type, or a device's machine name."""
        return self.node_type if self.kind == "node" else self.machine_name


def _hardware(key: str, table: Mapping[str, Any], source: Path) -> Hardware:
    known = {f.name for f in fields(Hardware)} - {"key"}
    unknown = sorted(set(table) - known)
    if unknown:
        raise UsageError(
            f"{source}: [{key}] has unknown settings {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    needed = {"site", "part", "kind", "block_hours", "end_margin_minutes", "user", "network"}
    needed |= {"node_type", "image", "flavor"} if table.get("kind") == "node" else {"machine_name", "container_image"}
    missing = sorted(name for name in needed if name not in table)
    if missing:
        raise UsageError(f"{source}: [{key}] lacks {', '.join(missing)}")
    if table["kind"] not in ("node", "device"):
        raise UsageError(f'{source}: [{key}] kind is "node" or "device", not {table["kind"]!r}')
    hardware = Hardware(
        key=key, **{**table, "images": tuple(table.get("images", ())), "alone": tuple(table.get("alone", ()))}
    )
    try:
        block = hardware.block
    except (TypeError, ValueError) as error:
        raise UsageError(f"{source}: [{key}] {error}") from None
    if hardware.max_lease_days < 1 or block.hours > 24 * hardware.max_lease_days:
        raise UsageError(f"{source}: [{key}] a block of {block.hours} h does not fit max_lease_days")
    return hardware


def load(path: Path | str | None = None) -> dict[str, Hardware]:
    """All hardware by key, in the file's order. Raises UsageError naming the file, table and setting."""
    source = Path(path) if path else TABLE
    try:
        tables = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the hardware table {source}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source} is not valid TOML: {error}") from None
    return {key: _hardware(key, table, source) for key, table in tables.items()}


def for_part(part: str, path: Path | str | None = None) -> list[Hardware]:
    """The options of one part, preferred first. Raises UsageError for a part without hardware."""
    table = load(path)
    found = [hardware for hardware in table.values() if hardware.part == part]
    if not found:
        parts = ", ".join(dict.fromkeys(hardware.part for hardware in table.values()))
        raise UsageError(f"no hardware for part {part!r} in {path or TABLE.name}; parts: {parts}")
    return found
