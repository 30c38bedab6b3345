"""Faults of leases and calendars, by Blazar."""

from __future__ import annotations

from .. import spoil
from ..switch import Fault
from .words import COMMAND

LEASES = r"^POST /v1/leases$"

LEASE = (
    Fault(
        "blazar-create-refused",
        "blazar",
        "the lease is refused as when too few hosts are free",
        "the next three free slots",
    ),
    Fault(
        "blazar-create-lost",
        "blazar",
        "the lease is made, its answer is lost with the connection",
        "nothing: the lease is found again by its name",
        LEASES,
        spoil.drop,
        late=True,
    ),
    Fault(
        "blazar-create-silent",
        "blazar",
        "the lease is made, its answer never comes",
        "nothing: the lease is found again by its name",
        LEASES,
        spoil.hang,
        late=True,
        defaults={"seconds": spoil.FOR_EVER_S},
    ),
    Fault(
        "lease-answer-unparsable",
        "blazar",
        "created_at has fractions of a second: python-chi fails, the lease stays",
        "nothing: the lease is found again by its name",
        r"^(POST|GET) /v1/leases",
        spoil.rewrite(spoil.fraction_of_a_second),
        late=True,
    ),
    Fault(
        "lease-trust-refused",
        "blazar",
        "500 to a lease asked for with an application credential, as when Keystone refuses it the trust",
        "use a password or a token; an application credential cannot make leases here",
    ),
    Fault(
        "lease-pending-forever",
        "blazar",
        "the start event never runs: the lease stays PENDING",
        "the lease did not start; release it and take another slot",
    ),
    Fault(
        "lease-error",
        "blazar",
        "the lease goes to ERROR when it starts",
        "the lease failed; it was released, take another slot or node",
    ),
    Fault("lease-vanishes", "blazar", "the lease is gone: somebody deleted it", "the lease is gone: reserve again"),
    Fault(
        "lease-extension-refused",
        "blazar",
        "PUT of a later end is refused as when somebody holds the time after",
        "until when it can be extended; collect before the end",
    ),
    Fault(
        "lease-delete-refused",
        "blazar",
        "DELETE of a lease is answered 500",
        "the lease is still held: how to delete it by hand",
    ),
    Fault(
        "hosts-not-reservable",
        "blazar",
        "every host and device is out of service (reservable false)",
        "the hardware is in maintenance; another site or type",
    ),
    Fault(
        "allocations-forbidden",
        "blazar",
        "the calendar is answered 403 (the default policy)",
        "the calendar is not open to members here; reserve in the site's web page",
        r"^GET /v1/(os-hosts|devices)/allocations",
        spoil.refuse(403, "Policy doesn't allow blazar:oshosts:get_allocations to be performed."),
    ),
    Fault(
        "budget-project-spent",
        "blazar",
        "the lease is refused: the project has too few service units left",
        "the portal's sentence; the PI asks for more",
    ),
    Fault(
        "budget-user-spent",
        "blazar",
        "the lease is refused: the user's own budget is used up",
        "the portal's sentence; the instructor raises the budget",
    ),
    Fault(
        "project-expired",
        "blazar",
        "the lease is refused: it would end after the project's allocation",
        "the portal's sentence; the PI renews",
    ),
    Fault(
        "lease-stacking",
        "blazar",
        "the lease is refused: the project holds too much of the node type",
        "the sentence; what to give back; whom to ask before a class",
    ),
    Fault(
        "usage-enforcement-down",
        "blazar",
        "the lease is refused: the accounting does not answer",
        "the sentence; try again in some minutes",
    ),
    Fault(
        "lease-policy-unknown",
        "blazar",
        "the lease is refused by a rule that nobody foresaw",
        "the sentence; whom to ask",
    ),
    Fault(
        "extension-too-early",
        "blazar",
        "PUT of a later end is refused: more than 48 hours are left",
        "the 48 hours; when to repeat it",
    ),
    Fault(
        "extension-budget-spent",
        "blazar",
        "PUT of a later end is refused: too few service units are left",
        "the portal's sentence; the PI asks for more",
    ),
    Fault(
        "hosts-set-aside",
        "blazar",
        "every host and device is set aside for another project (authorized_projects)",
        "the nodes are other projects'; ask whether the course has its own",
    ),
    Fault(
        "lease-node-missing",
        "blazar",
        "the lease starts and its node is missing (missing_resources)",
        "the node of the lease is broken: another one",
    ),
    Fault(
        "lease-ended-mid-run",
        "node",
        "the lease ends while the command that `match` fits runs",
        "the lease ended; what was finished is safe; continue on another node",
        defaults=COMMAND,
    ),
)
