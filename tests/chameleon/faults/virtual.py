"""Faults of virtual machines at KVM@TACC, and of addresses that are reserved with a lease."""

from __future__ import annotations

from .. import spoil
from ..switch import Fault

AVAILABILITY = r"^GET /v1/flavor-instances/availability"

VIRTUAL = (
    Fault(
        "flavor-calendar-absent",
        "blazar",
        "the calendar of flavors is answered 404, as by a Blazar that does not have it",
        "the calendar cannot be seen; reserve with a start",
    ),
    Fault(
        "flavor-calendar-forbidden",
        "blazar",
        "the calendar of flavors is answered 403",
        "the calendar is not open to members; reserve with a start",
        AVAILABILITY,
        spoil.refuse(403, "Policy doesn't allow blazar:flavor_instances:get_availability to be performed."),
    ),
    Fault(
        "flavor-calendar-nonsense",
        "blazar",
        "the calendar of flavors has segments without numbers",
        "the calendar cannot be read: repeat the command",
        AVAILABILITY,
        spoil.rewrite(lambda body: {"flavor_instances": [{"availability": [{"start": "soon"}]}]}),
        late=True,
    ),
    Fault(
        "reserved-flavor-missing",
        "nova",
        "the private flavor of the lease is not listed",
        "the lease's flavor is not there (yet): repeat, then the help desk",
    ),
    Fault(
        "flavor-without-disk",
        "nova",
        "POST of a server without a boot volume is answered 403: the flavor has no disk of its own",
        "the machine needs a boot volume; which setting gives it one",
    ),
    Fault("security-group-quota", "neutron", "POST of a security group is answered 409", "too many security groups"),
    Fault("security-rule-quota", "neutron", "POST of a group's rule is answered 409", "too many rules"),
    Fault(
        "security-group-vanishes",
        "nova",
        "adding the group to the server is answered 404: somebody deleted it",
        "repeat the command: the group is made again",
    ),
    Fault(
        "volume-quota", "cinder", "POST of a volume is answered 413, over the quota", "the quota of volumes is used up"
    ),
    Fault("volume-error", "cinder", "the volume goes to error", "the disk was not made; give it back, try again"),
    Fault("volume-creating-forever", "cinder", "the volume stays in creating", "the disk was not made in time"),
    Fault(
        "volume-create-lost",
        "cinder",
        "the volume is made, its answer is lost with the connection",
        "nothing: the volume is found again by its name",
        r"^POST /v3/[^/]*/?volumes$",
        spoil.drop,
        late=True,
    ),
    Fault("volume-stays", "cinder", "the volume outlives its server", "nothing: it is deleted by itself"),
    Fault(
        "volume-delete-refused",
        "cinder",
        "DELETE of a volume is answered 400",
        "the volume is still held: delete it by hand",
    ),
    Fault(
        "reserved-addresses-used-up",
        "blazar",
        "the lease is refused: no address is left to be reserved",
        "nothing: the lease is made without, an address is asked for later",
    ),
    Fault(
        "reserved-address-unsupported",
        "blazar",
        "the lease is refused: this Blazar reserves no addresses",
        "nothing: the lease is made without, an address is asked for later",
    ),
    Fault(
        "reserved-address-missing",
        "blazar",
        "the lease starts, and its address is not there",
        "nothing: an address is asked for instead",
    ),
    Fault(
        "reserved-address-stays",
        "blazar",
        "the address outlives its lease",
        "nothing: it is deleted by itself",
    ),
)
