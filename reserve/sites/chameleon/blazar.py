"""Leases and calendars: Blazar's wire form to our plain data and back."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from reserve.calendar import Calendar, Held, Interval, counted_calendar
from reserve.errors import CredentialsError, LeaseRefused, Missing, SiteError, SiteUnreachable
from reserve.hardware import Hardware
from reserve.site import ENDED, Lease, LeaseSpec
from reserve.sites.chameleon import chi
from reserve.sites.chameleon.credentials import SignIn
from reserve.sites.chameleon.rest import Gone, Rest

NODE_MISSING = "its node is missing"
ADDRESS, FLAVOR = "virtual:floatingip", "flavor:instance"
PUBLIC = "public"
WIRE = "%Y-%m-%d %H:%M"
FLAVOR_DAYS = timedelta(days=31)
UNSEEN = (
    "Look at Reservations > Host Calendar (or Flavor Calendar) on its dashboard, and reserve with `--start`: a taken "
    "time is refused, never charged."
)


def parse_time(text: str) -> datetime:
    """Blazar's times, with or without fractions of a second, `T` or a space, in UTC without a zone."""
    try:
        return datetime.fromisoformat(text.strip().rstrip("Z")).replace(tzinfo=UTC)
    except (ValueError, AttributeError):
        raise SiteUnreachable(f"Blazar sent a time that cannot be read: {text!r}. Repeat the command.") from None


def parse_lease(body: dict[str, Any], site: str) -> Lease:
    """A lease of ours; raises SiteUnreachable for an answer that is not one."""
    try:
        every = body.get("reservations") or [{}]
        reserved = next((one for one in every if one.get("resource_type") != ADDRESS), every[0])
        return Lease(
            id=str(body["id"]),
            name=str(body["name"]),
            site=site,
            status=str(body["status"]).upper(),
            start=parse_time(body["start_date"]),
            end=parse_time(body["end_date"]),
            reservation_id=str(reserved.get("id", "")),
            detail=_detail(body),
            address_reservations=tuple(str(one["id"]) for one in every if one.get("resource_type") == ADDRESS),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise SiteUnreachable(f"Blazar sent a lease without {error}. Repeat the command.") from None


def _source_name(reservation: dict[str, Any]) -> str:
    """The name of the flavor that a reservation was made of; '' where Blazar does not say."""
    try:
        return str(json.loads(reservation["resource_properties"])["name"])
    except (KeyError, TypeError, ValueError):
        return ""


def _detail(body: dict[str, Any]) -> str:
    words = [f"reservation {r.get('status')}" for r in body.get("reservations") or [] if r.get("status") == "error"]
    words += [f"event {e.get('event_type')} failed" for e in body.get("events") or [] if e.get("status") == "ERROR"]
    if any(r.get("missing_resources") for r in body.get("reservations") or []):
        words.append(NODE_MISSING)
    return ", ".join(words)


class Leases:
    """Blazar of one site."""

    def __init__(self, site: str, rest: Rest, signin: SignIn, project_id: str = "") -> None:
        self.site, self.rest, self.signin, self.project_id = site, rest, signin, project_id

    def all(self) -> list[dict[str, Any]]:
        """Blazar's own words on every lease of the project, ended ones too."""
        answer = self.rest.call("GET", "reservation", "/leases", "listing leases")
        found = answer.get("leases") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise SiteUnreachable("Blazar sent no list of leases. Repeat the command.")
        return found

    def find(self, name: str, user_id: str) -> Lease | None:
        """The project's newest lease of this name that has not ended; this user's before anybody else's.

        Whoever made it: a course's instructor may make the lease that a student then uses.
        """
        named = [lease for lease in self.living() if lease.get("name") == name]
        named.sort(key=lambda lease: (lease.get("user_id") in (user_id, None), str(lease.get("created_at"))))
        return parse_lease(named[-1], self.site) if named else None

    def living(self) -> list[dict[str, Any]]:
        """Blazar's own words on every lease of the project that has not ended."""
        return [one for one in self.all() if str(one.get("status", "")).upper() not in ENDED]

    def living_addresses(self) -> frozenset[str]:
        """The reservations of floating IPs in the project's leases that have not ended: ids."""
        return frozenset(id for lease in self.living() for id in parse_lease(lease, self.site).address_reservations)

    def get(self, id: str) -> Lease | None:
        """The lease in its present state; None if Blazar does not know it."""
        try:
            answer = self.rest.call("GET", "reservation", f"/leases/{id}", "looking at the lease")
        except Gone:
            return None
        return parse_lease(answer.get("lease", {}) if isinstance(answer, dict) else {}, self.site)

    def create(self, spec: LeaseSpec) -> Lease:
        """Ask for the lease. Raises LeaseRefused with Blazar's reason; SiteUnreachable if no one knows."""
        body: dict[str, Any] = {
            "name": spec.name,
            "start_date": "now" if spec.at_once else spec.start.astimezone(UTC).strftime(WIRE),
            "end_date": spec.end.astimezone(UTC).strftime(WIRE),
            "before_end_date": None,
            "events": [],
        }
        wanted = chi.reservations(spec)
        address = self._address_wish() if spec.hardware.floating_ip else []
        try:
            answer = self._ask({**body, "reservations": wanted + address})
        except (SiteError, CredentialsError) as error:
            if not address or not re.search(r"floating ?ip", str(error), re.I):
                raise self._refusal(error, spec) from None
            # Nothing was made: there is no address to reserve (any more), or this Blazar reserves none.
            try:
                answer = self._ask({**body, "reservations": wanted})
            except (SiteError, CredentialsError) as other:
                raise self._refusal(other, spec) from None
        return parse_lease(answer.get("lease", {}) if isinstance(answer, dict) else {}, self.site)

    def _address_wish(self) -> list[dict[str, Any]]:
        """The reservation of one floating IP, as python-chi's Lease would ask for it; none where there is no network to
        take it from, or Neutron does not answer: that is no reason to go without a lease."""
        try:
            nets = self.rest.call("GET", "network", "/networks", "listing networks", again=False)
        except (SiteError, CredentialsError):
            return []
        found = [one["id"] for one in (nets or {}).get("networks", []) if one.get("name") == PUBLIC]
        return [{"resource_type": ADDRESS, "network_id": found[0], "amount": 1}] if found else []

    def _ask(self, body: dict[str, Any]) -> Any:
        return self.rest.call("POST", "reservation", "/leases", "asking for the lease", body=body)

    def _refusal(self, error: SiteError | CredentialsError, spec: LeaseSpec) -> Exception:
        text = str(error)
        if re.search(r"not enough (hosts|resources|devices)", text, re.I):
            what = f"{spec.node} ({spec.hardware.key})" if spec.node else f"every {spec.hardware.type_name}"
            return LeaseRefused(
                f"{self.site} refuses the lease {spec.name}: {what} is taken (or unknown) at that time."
            )
        if re.search(r"later than current date", text, re.I):
            skew = self.rest.skew_s
            hint = (
                f" This machine's clock is {abs(skew):.0f} s "
                f"{'behind' if skew > 0 else 'ahead of'} the site's: set it right."
                if abs(skew) > 60
                else ""
            )
            return LeaseRefused(f"{self.site} refuses the lease {spec.name}: its start has passed.{hint}")
        if re.search(r"end date must be later", text, re.I):
            return LeaseRefused(f"{self.site} refuses the lease {spec.name}: it would end before it starts.")
        if self.signin.is_application_credential and re.search(r"trust|delegated|HTTP 500|forbids", text, re.I):
            return CredentialsError(cannot_lease(self.site, self.signin.source) + f" (Blazar answered: {text[:160]})")
        return error

    def extend(self, lease: Lease, until: datetime) -> Lease:
        """Move the end. Raises LeaseRefused when somebody holds the time."""
        body = {"end_date": until.astimezone(UTC).strftime(WIRE)}
        try:
            self.rest.call("PUT", "reservation", f"/leases/{lease.id}", "extending the lease", body=body, again=False)
        except (SiteError, CredentialsError) as error:
            if re.search(r"not enough", str(error), re.I):
                raise LeaseRefused(
                    f"{self.site} refuses to extend {lease.name}: somebody holds the time after it."
                ) from None
            raise
        after = self.get(lease.id)
        if after is None:
            raise SiteError(f"the lease {lease.name} ended while it was being extended. Reserve a new one.")
        return after

    def delete(self, id: str) -> None:
        """End the lease and forget it; fine if it is gone."""
        try:
            self.rest.call("DELETE", "reservation", f"/leases/{id}", "deleting the lease")
        except Gone:
            return

    def calendar(self, hardware: Hardware, now: datetime) -> Calendar:
        """When each node or device of this type is taken, or each instance of the flavor. Raises Missing if there is
        none, SiteError if it is not shown."""
        if hardware.kind == "vm":
            return self._flavor_calendar(hardware, now)
        kind, path, name_key = (
            ("hosts", "/os-hosts", "node_name") if hardware.kind == "node" else ("devices", "/devices", "name")
        )
        type_key = "node_type" if hardware.kind == "node" else "machine_name"
        listed = self.rest.call("GET", "reservation", path, f"listing {kind}")
        names = {
            str(item.get("id")): str(item.get(name_key) or item.get("uid") or item.get("id"))
            for item in (listed or {}).get(kind, [])
            if item.get(type_key) == hardware.type_name and item.get("reservable", True) and self._may_have(item)
        }
        if not names and any(item.get(type_key) == hardware.type_name for item in (listed or {}).get(kind, [])):
            raise Missing(
                f"{self.site} lists no reservable {hardware.type_name} for this project: each is in maintenance or set "
                "aside for other projects. Ask your instructor whether the course has nodes of its own, or another "
                "--site."
            )
        if not names:
            raise Missing(
                f"{self.site} lists no reservable {hardware.type_name}. Check the type in reserve/hardware.toml "
                "against https://chameleoncloud.org/hardware/, or ask the help desk whether the nodes are in "
                "maintenance."
            )
        try:
            taken = self.rest.call("GET", "reservation", f"{path}/allocations", "reading the calendar")
        except (CredentialsError, Gone):
            raise SiteError(f"{self.site} does not show its calendar to this user. {UNSEEN}") from None
        holds: dict[str, list[tuple[Interval, str]]] = {name: [] for name in names.values()}
        for allocation in (taken or {}).get("allocations", []):
            name = names.get(str(allocation.get("resource_id")))
            if name is None:
                continue
            for reservation in allocation.get("reservations", []):
                start, end = parse_time(reservation["start_date"]), parse_time(reservation["end_date"])
                if end > start and end > now - timedelta(hours=1):
                    holds[name].append((Interval(start, end), str(reservation.get("lease_id", ""))))
        nodes = {name: tuple(span for span, _ in held) for name, held in holds.items()}
        return Calendar(hardware.key, nodes, now, {name: tuple(held) for name, held in holds.items()})

    def _flavor_calendar(self, hardware: Hardware, now: datetime) -> Calendar:
        """As many rows as instances of the flavor can be had at once; which leases of the project hold some is told by
        these leases, of others only how many."""
        listed = self.rest.call("GET", "compute", "/flavors/detail", "listing flavors")
        known = {str(one.get("name")): str(one.get("id")) for one in (listed or {}).get("flavors", [])}
        if hardware.flavor not in known:
            raise Missing(
                f"{self.site} has no flavor named {hardware.flavor}. See the names on the site's dashboard and set "
                f"`flavor` of [{hardware.key}] in reserve/hardware.toml."
            )
        stretch = {"start_date": now.strftime(WIRE), "end_date": (now + FLAVOR_DAYS).strftime(WIRE)}
        path = f"/flavor-instances/availability?{urlencode({'flavor_id': known[hardware.flavor], **stretch})}"
        try:
            answer = self.rest.call("GET", "reservation", path, "reading the calendar of flavors")
        except (CredentialsError, Gone):
            raise SiteError(f"{self.site} does not show its calendar of flavors to this user. {UNSEEN}") from None
        try:
            segments = [
                (Interval(parse_time(one["start"]), parse_time(one["end"])), int(one["available"]), int(one["total"]))
                for one in answer["flavor_instances"][0]["availability"]
            ]
            total = max(all for _, _, all in segments)
        except (KeyError, IndexError, TypeError, ValueError):
            raise SiteUnreachable("Blazar sent no calendar of flavors that can be read. Repeat the command.") from None
        if not total:
            raise Missing(
                f"{self.site} can lend no {hardware.flavor} to this project. Ask your instructor whether the course "
                "may use it, or the help desk whether its hosts are in maintenance."
            )
        rows = [f"{hardware.flavor}#{number + 1}" for number in range(total)]
        taken = [(span, total - free) for span, free, _ in segments]
        return counted_calendar(hardware.key, rows, taken, self.holding_flavor(hardware.flavor, rows), now)

    def holding_flavor(self, flavor: str, rows: list[str]) -> list[Held]:
        """The project's leases that hold instances of the flavor, once for each instance. A placeholder's name has the
        row that it was made for."""
        found = []
        for body in self.living():
            lease = parse_lease(body, self.site)
            row = next((row for row in rows if f"_{row}_" in lease.name), "")
            for one in body.get("reservations") or []:
                if one.get("resource_type") == FLAVOR and lease.status != "ERROR" and _source_name(one) == flavor:
                    found += [Held(Interval(lease.start, lease.end), lease.id, row)] * int(one.get("amount") or 1)
        return found

    def _may_have(self, item: dict[str, Any]) -> bool:
        """Whether Blazar lets this project have it: the operators may set nodes aside (`authorized_projects`)."""
        said = item.get("authorized_projects")
        allowed = said if isinstance(said, list) else re.split(r"[,\s]+", str(said or ""))
        allowed = [str(one) for one in allowed if one]
        return not allowed or not self.project_id or bool({"all", self.project_id} & set(allowed))


def cannot_lease(site: str, source: str) -> str:
    """Why an application credential makes no leases, and what to sign in with instead."""
    return (
        f"the application credential in {source} cannot make leases at {site}: Blazar acts for you through a trust, "
        "and Keystone refuses trusts to this credential. Make a new one with 'Unrestricted (dangerous)' ticked; if "
        "that is refused too, sign in with a password (openrc.sh with OS_PASSWORD) or work in Chameleon's JupyterHub"
    )
