"""What every verb works with: the journal, the clock, a voice, and the sites by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reserve import hardware
from reserve.clock import Clock
from reserve.errors import UsageError
from reserve.hardware import Hardware
from reserve.journal import Entry, Journal
from reserve.redact import redact
from reserve.site import Site
from reserve.sites.local import NAME as LOCAL
from reserve.sites.local import LocalSite, on_this_machine
from snippets.parts import KIT


def _print(text: str) -> None:
    print(text, flush=True)


@dataclass
class Desk:
    """One command's world. `key`: the private key file for nodes; `kit`: the checkout that is sent to them.

    A desk is passed to whatever leases, boots or runs: it knows the sites by name, what is on record, the time, and
    whom to tell. Each command has one of its own (`dataclasses.replace` gives a new one that has not signed in).
    """

    journal: Journal = field(default_factory=Journal)
    clock: Clock = field(default_factory=Clock)
    voice: Callable[[str], None] = _print
    key: str = ""
    kit: Path = KIT
    hardware_file: Path | None = None
    _sites: dict[str, Site] = field(default_factory=dict, init=False)

    def say(self, text: str) -> None:
        """Tell the user, without any secret."""
        self.voice(redact(text))

    def site(self, name: str) -> Site:
        """The site of this name, signed in on first use."""
        if name not in self._sites:
            if name == LOCAL:
                self._sites[name] = LocalSite(self.journal, self.clock)
            else:
                from reserve.sites.chameleon.site import ChameleonSite

                self._sites[name] = ChameleonSite(name, self.journal, self.clock, self.key)
        return self._sites[name]

    def options(self, part: str, site: str = "") -> list[Hardware]:
        """The hardware of a part, preferred first, at one site if it is named (`local`: this machine)."""
        found = hardware.for_part(part, self.hardware_file)
        if site == LOCAL:
            return [on_this_machine(found[0])]
        if site and site != "chameleon":
            at_site = [h for h in found if h.site.lower() == site.lower()]
            if not at_site:
                sites = ", ".join(dict.fromkeys(h.site for h in found))
                known = [h.key for h in hardware.load(self.hardware_file).values() if h.part == part]
                off = [key for key in known if key not in {h.key for h in found}]
                also = f"; known, and not offered by the course: {', '.join(off)}" if off else ""
                raise UsageError(
                    f"{part} has no hardware at {site}; it runs at {sites} (see reserve/hardware.toml{also})"
                )
            return at_site
        return found

    def hardware_of(self, entry: Entry) -> Hardware:
        """The hardware that a journaled lease is for."""
        known = hardware.load(self.hardware_file)
        key = str(entry.facts.get("hardware", ""))
        if key not in known:
            raise UsageError(f"the lease {entry.name} is for {key!r}, which is not in reserve/hardware.toml any more")
        return on_this_machine(known[key]) if entry.site == LOCAL else known[key]

    def netids(self, part: str, site: str) -> set[str]:
        """The NetIDs under which things of this part were asked for at this site."""
        return {
            str(e.facts["netid"])
            for e in self.journal.entries()
            if e.part == part and e.site == site and e.kind == "lease" and e.facts.get("netid")
        }


def runs_folder(runs: Path | str | None = None) -> Path:
    """Where runs are kept here: `runs` if given, else $SERVELAB_RUNS or the checkout's runs/."""
    if runs:
        return Path(runs).expanduser()
    from snippets.record.run import default_runs

    return default_runs()
