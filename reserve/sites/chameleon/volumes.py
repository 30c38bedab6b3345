"""Disks of virtual machines at KVM@TACC, by Cinder: a server boots from one where its flavor's is too small."""

from __future__ import annotations

from typing import Any

from reserve.clock import Clock, Patience, wait_for
from reserve.errors import Faulted, SiteUnreachable
from reserve.hardware import Hardware
from reserve.journal import Journal
from reserve.site import Thing
from reserve.sites.chameleon.rest import Gone, Rest

PREFIX = "boot-"
LIMIT_S = 900.0
"""How long a disk may take to be filled from its image."""


def disk_name(node: str) -> str:
    """The name of the disk that a node of this name boots from."""
    return f"{PREFIX}{node}"


class Volumes:
    """The disks of this user at one site. A server takes its disk with it when it goes; what is left is deleted."""

    def __init__(self, site: str, rest: Rest, user_id: str) -> None:
        self.site, self.rest, self.user_id = site, rest, user_id

    def mine(self) -> list[dict[str, Any]]:
        """Cinder's own words on every disk of this user."""
        answer = self.rest.call("GET", "volumev3", "/volumes/detail", "listing volumes")
        found = answer.get("volumes") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise SiteUnreachable("Cinder sent no list of volumes. Repeat the command.")
        return [one for one in found if one.get("user_id") in (self.user_id, None)]

    def all_named(self, node: str) -> list[Thing]:
        """Every disk that was made for the node of this name."""
        return [one for one in self.all_ours() if one.name == node]

    def all_ours(self) -> list[Thing]:
        """Every disk with a name of the kit's; the things carry the node's name."""
        return [
            Thing(
                "volume", str(one["id"]), str(one["name"]).removeprefix(PREFIX), self.site, str(one.get("status", ""))
            )
            for one in self.mine()
            if str(one.get("name") or "").startswith(f"{PREFIX}node-serve-")
        ]

    def ready(self, node: str, hardware: Hardware, image: str, journal: Journal, clock: Clock) -> str:
        """The id of a disk from which the node can boot now: found if it is there, made if not, and waited for.

        The journal knows of it first. Raises Faulted if it fails, WaitedTooLong, Quota, SiteUnreachable.
        """
        found = self._usable(node)
        known = journal.open_entries(part=hardware.part, site=self.site, kind="volume")
        key = next((one.key for one in known if one.name == node and one.id in ("", found)), "")
        key = key or journal.intend("volume", node, self.site, hardware.part)
        if not found:
            found = self._make(node, hardware.boot_volume_gb, image, journal, key)
        journal.made(key, found)

        def probe() -> str | None:
            status = self._status(found)
            if status.startswith("error") or not status:
                raise Faulted(
                    f"the disk of {node} is in state {status or 'gone'} at {self.site}. Give it back with `servelab "
                    f"down {hardware.part}`, then reserve and `servelab up {hardware.part}` again; boot_volume_gb of "
                    f"[{hardware.key}] in reserve/hardware.toml says how large it is."
                )
            return found if status == "available" else None

        remedy = f"Look at Volumes on {self.site}'s dashboard; `servelab down {hardware.part}` gives it back."
        what = f"the disk of {node} to be made from {hardware.image}"
        return wait_for(what, probe, Patience(LIMIT_S, remedy, poll_s=5.0), clock, lambda words: None)

    def _usable(self, node: str) -> str:
        """One that an earlier command made and nothing is attached to; '' if there is none."""
        return next(
            (one.id for one in self.all_named(node) if one.detail in ("creating", "downloading", "available")), ""
        )

    def _make(self, node: str, size_gb: int, image: str, journal: Journal, key: str) -> str:
        body = {"volume": {"name": disk_name(node), "size": size_gb, "imageRef": image}}
        try:
            answer = self.rest.call("POST", "volumev3", "/volumes", "asking for the disk", body=body)
            made = str(((answer or {}).get("volume") or {}).get("id", ""))
            if not made:
                raise SiteUnreachable("Cinder sent no volume. Repeat the command.")
        except SiteUnreachable:
            made = self._usable(node)  # it may have been made although the answer was lost
            if not made:
                journal.gone(key, "not made")
                raise
        except Exception:
            journal.gone(key, "not made")
            raise
        return made

    def _status(self, id: str) -> str:
        """Cinder's word for it; '' if it is gone."""
        try:
            answer = self.rest.call("GET", "volumev3", f"/volumes/{id}", "looking at the disk")
        except Gone:
            return ""
        return str(((answer or {}).get("volume") or {}).get("status", ""))

    def exists(self, id: str) -> bool:
        """Whether it is still there."""
        return bool(self._status(id))

    def delete(self, id: str) -> None:
        """Ask for its deletion, unless it goes with its server just now; fine if it is gone."""
        if self._status(id) in ("", "deleting"):
            return
        try:
            self.rest.call("DELETE", "volumev3", f"/volumes/{id}", "deleting the disk")
        except Gone:
            return
