"""`servelab reserve`: the lease of a part, made or found."""

from __future__ import annotations

from reserve.desk import Desk
from reserve.lease.leases import ensure_lease, user_name
from reserve.lease.wishes import LeaseWishes, spec_of
from reserve.site import Lease


def reserve_block(desk: Desk, part: str, wishes: LeaseWishes) -> Lease:
    """The lease of `part`. Without a start it goes on with the one on record, or takes the next free block.

    Idempotent by name. Raises UsageError for a broken rule, LeaseRefused with the next free blocks, CredentialsError.
    """
    netid = user_name(wishes.netid)
    with desk.journal.locked(part):
        entry = desk.journal.lease_of(part)
        if entry is not None and entry.id and wishes.start is None and not wishes.at_once:
            lease = desk.site(entry.site).get_lease(entry.id)
            if lease is not None and not lease.ended and lease.status != "ERROR":
                desk.say(f"going on with the lease {lease.name} at {lease.site} ({lease.status})")
                return lease
        spec = spec_of(desk, part, wishes)
        site = desk.site(spec.hardware.site)
        desk.say(f"{part} at {site.name}: signed in as {site.sign_in()}")
        return ensure_lease(desk, spec, netid)
