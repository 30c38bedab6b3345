"""Leases and calendars: Blazar's wire form to our plain data and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from reserve.calendar import Calendar, Interval
from reserve.errors import CredentialsError, LeaseRefused, Missing, SiteError, SiteUnreachable
from reserve.hardware import Hardware
from reserve.site import ENDED, Lease, LeaseSpec
from reserve.sites.chameleon import chi
from reserve.sites.chameleon.credentials import SignIn
from reserve.sites.chameleon.rest import Gone, Rest

NODE_MISSING = "its node is missing"
WIRE = "%Y-%m-%d %H:%M"


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
        reserved = next((one for one in every if one.get("resource_type") != "virtual:floatingip"), every[0])
        return Lease(
            id=str(body["id"]),
            name=str(body["name"]),
            site=site,
            status=str(body["status"]).upper(),
            start=parse_time(body["start_date"]),
            end=parse_time(body["end_date"]),
            reservation_id=str(reserved.get("id", "")),
            detail=_detail(body),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise SiteUnreachable(f"Blazar sent a lease without {error}. Repeat the command.") from None


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

    def reserved_addresses(self, user_id: str) -> frozenset[str]:
        """The reservations of floating IPs in this user's leases that are under way: ids."""
        return frozenset(
            str(one["id"])
            for lease in self.all()
            if lease.get("user_id") == user_id and str(lease.get("status", "")).upper() == "ACTIVE"
            for one in lease.get("reservations") or []
            if one.get("resource_type") == "virtual:floatingip"
        )

    def get(self, id: str) -> Lease | None:
        """The lease in its present state; None if Blazar does not know it."""
        try:
            answer = self.rest.call("GET", "reservation", f"/leases/{id}", "looking at the lease")
        except Gone:
            return None
        return parse_lease(answer.get("lease", {}) if isinstance(answer, dict) else {}, self.site)

    def create(self, spec: LeaseSpec) -> Lease:
        """Ask for the lease. Raises LeaseRefused with Blazar's reason; SiteUnreachable if no one knows."""
        body = {
            "name": spec.name,
            "start_date": "now" if spec.at_once else spec.start.astimezone(UTC).strftime(WIRE),
            "end_date": spec.end.astimezone(UTC).strftime(WIRE),
            "before_end_date": None,
            "events": [],
            "reservations": chi.reservations(spec),
        }
        try:
            answer = self.rest.call("POST", "reservation", "/leases", "asking for the lease", body=body)
        except (SiteError, CredentialsError) as error:
            raise self._refusal(error, spec) from None
        return parse_lease(answer.get("lease", {}) if isinstance(answer, dict) else {}, self.site)

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
        """When each node or device of this type is taken. Raises Missing if there is none, SiteError
        if it is not shown."""
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
            raise SiteError(
                f"{self.site} does not show its calendar to this user. Look at Reservations > Host Calendar on its "
                "dashboard, and reserve with `--start`: a taken time is refused, never charged."
            ) from None
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
