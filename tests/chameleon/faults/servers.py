"""Faults of servers, images, networks and addresses: Nova, Glance and Neutron."""

from __future__ import annotations

from .. import spoil
from ..switch import Fault

SERVERS = r"^POST /v2\.1/servers$"
ADDRESSES = r"^POST /v2\.0/floatingips$"

SERVER = (
    Fault(
        "quota-instances",
        "nova",
        "POST of a server is answered 403, quota exceeded",
        "the project's quota is used up; what holds it",
    ),
    Fault(
        "keypair-quota", "nova", "POST of a key pair is answered 403, quota exceeded", "too many key pairs; delete one"
    ),
    Fault(
        "server-create-lost",
        "nova",
        "the server is made, its answer is lost with the connection",
        "nothing: the server is found again by its name",
        SERVERS,
        spoil.drop,
        late=True,
    ),
    Fault(
        "server-error", "nova", "the server goes to ERROR with a fault text", "the fault's text; released, try again"
    ),
    Fault("server-build-forever", "nova", "the server stays in BUILD", "the node did not boot within the time limit"),
    Fault("server-wrong-state", "nova", "the server ends in SHUTOFF, not ACTIVE", "the state that it is in"),
    Fault(
        "server-vanishes", "nova", "the server is gone: somebody deleted it", "the server is gone; `up` makes it again"
    ),
    Fault("server-delete-ignored", "nova", "DELETE is answered 204 and the server stays", "the server is still there"),
    Fault("flavor-missing", "nova", "no flavor is listed", "the site has no such flavor; which there are"),
    Fault("image-missing", "glance", "no image of that name is listed", "the image's name, where to change it"),
    Fault("network-missing", "neutron", "no network is listed", "the site has no such network"),
    Fault(
        "server-no-valid-host",
        "nova",
        "the server goes to ERROR: no valid host was found",
        "the fault's text; another node",
    ),
    Fault(
        "images-forbidden",
        "glance",
        "images are answered 403: the credential lacks the role reader",
        "which roles the credential needs",
        r"^GET /v2/images",
        spoil.refuse(403, "You are not authorized to complete get_images action."),
    ),
    Fault(
        "public-network-missing",
        "neutron",
        "no network named public is listed",
        "there is no network to take an address from; the help desk",
        r"^GET /v2\.0/networks$",
        spoil.rewrite(spoil.without_network("public")),
        late=True,
    ),
    Fault(
        "port-missing",
        "neutron",
        "the server's port is not listed",
        "the node has no port yet; repeat in a minute",
        r"^GET /v2\.0/ports$",
        spoil.rewrite(lambda body: {**body, "ports": []}),
        late=True,
    ),
    Fault(
        "quota-floating-ips",
        "neutron",
        "POST of a floating IP is answered 409 OverQuota",
        "the project's floating IPs are used up; which are idle",
    ),
    Fault(
        "no-floating-ip",
        "neutron",
        "POST of a floating IP is answered 409, no more addresses",
        "the site has no free address; try later",
    ),
    Fault(
        "floating-ip-create-lost",
        "neutron",
        "the address is taken, the answer lost with the connection",
        "nothing: the idle address is found again",
        ADDRESSES,
        spoil.drop,
        late=True,
    ),
    Fault(
        "floating-ip-not-attached",
        "neutron",
        "PUT of a floating IP is answered 404",
        "the address cannot reach the server",
    ),
    Fault(
        "floating-ip-delete-refused",
        "neutron",
        "DELETE of a floating IP is answered 409",
        "the address is still held: how to release it",
        r"^DELETE /v2\.0/floatingips/",
        spoil.refuse(409, "Floating IP is in use."),
    ),
)
