"""The hardware that a course leases, read from hardware.toml with the course's `own/hardware.toml` laid over it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from reserve.calendar import Block
from snippets.course import laid_over, own_name, own_table
from snippets.errors import UsageError

OWN_TABLE = "hardware.toml"
TABLE = Path(__file__).with_name("hardware.toml")
NEEDED = {
    "node": {"node_type", "image", "flavor", "network"},
    "vm": {"image", "flavor", "network"},
    "device": {"machine_name", "container_image"},
}
ONLY_FOR = {"boot_volume_gb": ("vm",), "floating_ip": ("node", "vm"), "network": ("node", "vm")}


@dataclass(frozen=True)
class Hardware:
    """One kind of machine, and the course's rules for it. `kind`: `node` is bare metal and `vm` a virtual machine that
    is reserved by its flavor, both reached by SSH; `device` is a container on a device, without SSH.

    `offered`: whether the course uses it. `floating_ip`: reserve an address with the lease. `boot_volume_gb`: boot from
    a disk of that size, made from the image (`vm` only; 0: the flavor's own disk). `wheels`: what the node installs
    beside its extra, without dependencies, each the words of a call of pip.
    """

    key: str
    site: str
    part: str
    kind: Literal["node", "vm", "device"]
    block_hours: int
    end_margin_minutes: int
    user: str
    max_lease_days: int = 7
    boot_minutes: int = 20
    node_type: str = ""
    machine_name: str = ""
    image: str = ""
    flavor: str = ""
    network: str = ""
    container_image: str = ""
    extra: str = ""
    images: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    wheels: tuple[str, ...] = ()
    offered: bool = True
    floating_ip: bool = False
    boot_volume_gb: int = 0
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
    def by_ssh(self) -> bool:
        """Whether it is a server that is reached by SSH, and not a container."""
        return self.kind != "device"

    @property
    def type_name(self) -> str:
        """What a reservation asks for: the node type, a flavor, or a device's machine name."""
        return {"node": self.node_type, "vm": self.flavor, "device": self.machine_name}[self.kind]


def _hardware(key: str, table: Mapping[str, Any], source: Path | str) -> Hardware:
    known = {f.name for f in fields(Hardware)} - {"key"}
    unknown = sorted(set(table) - known)
    if unknown:
        raise UsageError(
            f"{source}: [{key}] has unknown settings {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    needed = {"site", "part", "kind", "block_hours", "end_margin_minutes", "user"}
    needed |= NEEDED.get(str(table.get("kind")), set())
    missing = sorted(name for name in needed if name not in table)
    if missing:
        raise UsageError(f"{source}: [{key}] lacks {', '.join(missing)}")
    if table["kind"] not in NEEDED:
        raise UsageError(f'{source}: [{key}] kind is "node", "vm" or "device", not {table["kind"]!r}')
    for name, kinds in ONLY_FOR.items():
        if table.get(name) and table["kind"] not in kinds:
            raise UsageError(f"{source}: [{key}] {name} is for kind {' or '.join(kinds)}, not for {table['kind']}")
    size = table.get("boot_volume_gb", 0)
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise UsageError(
            f"{source}: [{key}] boot_volume_gb is a whole number of GB, 0 for the flavor's disk, not {size!r}"
        )
    lists = {name: tuple(table.get(name, ())) for name in ("images", "alone", "wheels")}
    hardware = Hardware(key=key, **{**table, **lists})
    try:
        block = hardware.block
    except (TypeError, ValueError) as error:
        raise UsageError(f"{source}: [{key}] {error}") from None
    if hardware.max_lease_days < 1 or block.hours > 24 * hardware.max_lease_days:
        raise UsageError(f"{source}: [{key}] a block of {block.hours} h does not fit max_lease_days")
    return hardware


def load(path: Path | str | None = None) -> dict[str, Hardware]:
    """All hardware by key, in the file's order: of the table at `path`, else of the kit's with the course's own laid
    over it, new kinds at the end. Raises UsageError naming the file, table and setting."""
    source = Path(path) if path else TABLE
    try:
        tables = tomllib.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"cannot read the hardware table {source}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source} is not valid TOML: {error}") from None
    own = {} if path else own_table(OWN_TABLE)
    for key, table in own.items():
        if not isinstance(table, Mapping):
            raise UsageError(
                f"{own_name(OWN_TABLE)}: {key} stands in no table; write [gpu_h100], and the setting below."
            )
    merged = laid_over(tables, own)
    return {key: _hardware(key, table, own_name(OWN_TABLE) if key in own else source) for key, table in merged.items()}


def offered(path: Path | str | None = None) -> dict[str, Hardware]:
    """What the course uses of it, by key. Raises what `load` raises."""
    return {key: one for key, one in load(path).items() if one.offered}


def for_part(part: str, path: Path | str | None = None) -> list[Hardware]:
    """The options of one part that the course offers, preferred first. Raises UsageError for a part without any."""
    table = load(path)
    found = [hardware for hardware in table.values() if hardware.part == part and hardware.offered]
    if not found:
        parts = ", ".join(dict.fromkeys(hardware.part for hardware in table.values() if hardware.offered))
        raise UsageError(f"no hardware for part {part!r} in {path or TABLE.name}; parts: {parts}")
    return found
