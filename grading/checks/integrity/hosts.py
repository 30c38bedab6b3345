"""Whether the facts of a run's machines are those that were found: each host is named by the hash of its facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snippets.files import canonical, sha256_text
from snippets.record.run import Record

OF_X86 = {"tsc", "kvm-clock", "hpet"}
"""Clock sources that only x86 processors have."""


def edited_hosts(record: Record) -> list[str]:
    """Hosts whose facts were changed, or do not fit each other; empty if there are none."""
    found = []
    for host in record.hosts:
        if "kit" not in host:
            continue  # too few facts to have come from the kit: the form of a record asks for them
        name = str(host.get("id"))
        facts = {key: value for key, value in host.items() if key != "id"}
        if name != sha256_text(canonical(facts))[:16]:
            found.append(f"the facts of host {name} are not those that it was named for")
        elif _is_of_two_kinds(host):
            found.append(f"the facts of host {name} are those of an ARM and of an x86 processor")
    return found


def _is_of_two_kinds(host: Mapping[str, Any]) -> bool:
    cpu = host.get("cpu")
    cpu = cpu if isinstance(cpu, Mapping) else {}
    arm = "aarch64" in str(cpu.get("machine")) or "Cortex" in str(cpu.get("model"))
    flags = cpu.get("flags")
    wide = any(str(flag).startswith(("avx", "sse")) for flag in flags) if isinstance(flags, list) else False
    return arm and (wide or str(host.get("clock_source")) in OF_X86 or cpu.get("machine") == "x86_64")
