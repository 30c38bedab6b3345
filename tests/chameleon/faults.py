"""The fault table: every fault of the emulated Chameleon that can be switched on by name.

`emulator.faults.on(NAME, times=1, after=0, **parameters)`: strike once, at the first occasion. `match` (a regular
expression) chooses the request ("POST /v1/leases") or the command on the node, `service` the service, where a row
has them in `defaults`. The last column says what the message to the student must make clear.
"""

from __future__ import annotations

from typing import Any

from . import spoil
from .switch import Fault

ANY: dict[str, Any] = {"service": "any", "match": r"^(GET|POST|PUT|DELETE) (?!/v3/auth)"}
WAIT: dict[str, Any] = {**ANY, "seconds": spoil.FOR_EVER_S}
COMMAND: dict[str, Any] = {"match": "", "seconds": 0.2}
AGAIN = "say which request failed, that it was tried again, and that the same command continues where it stopped"
SIGN_IN = r"^POST /v3/auth/tokens"
LEASES, SERVERS, ADDRESSES = r"^POST /v1/leases$", r"^POST /v2\.1/servers$", r"^POST /v2\.0/floatingips$"
WHEN_HTTP = "HTTP {} to a request"

HTTP = (
    Fault(
        "credentials-rejected",
        "keystone",
        "sign-in is answered 401",
        "the credentials are wrong or were withdrawn; where to get new ones",
        SIGN_IN,
        spoil.refuse(401, "The request you have made requires authentication."),
    ),
    Fault(
        "keystone-forbidden",
        "keystone",
        "sign-in is answered 403",
        "the account has no role in the project; ask its owner",
        SIGN_IN,
        spoil.refuse(403, "You are not authorized to perform the requested action."),
    ),
    Fault(
        "keystone-unavailable",
        "keystone",
        "sign-in is answered 503 by the load balancer",
        AGAIN,
        SIGN_IN,
        spoil.proxy(503),
    ),
    Fault(
        "keystone-hangs",
        "keystone",
        "sign-in is never answered",
        "the site does not answer; check the network, the site's status page",
        SIGN_IN,
        spoil.hang,
        defaults={"seconds": spoil.FOR_EVER_S},
    ),
    Fault(
        "catalog-without-reservations",
        "keystone",
        "the catalog names no reservation service",
        "this site or region lends nothing: check the site's name",
        SIGN_IN,
        spoil.rewrite(spoil.without_service("reservation")),
        late=True,
    ),
    Fault(
        "catalog-without-containers",
        "keystone",
        "the catalog names no container service",
        "containers are at CHI@Edge only",
        SIGN_IN,
        spoil.rewrite(spoil.without_service("container")),
        late=True,
    ),
    Fault(
        "token-expired",
        "any",
        "401, and all tokens are void until the client signs in again",
        "nothing: it signs in again by itself",
        ANY["match"],
        spoil.expire_tokens,
        defaults=ANY,
    ),
    Fault(
        "http-401",
        "any",
        "HTTP 401 to a request, whatever its token",
        "the sign-in is refused here; renew the credentials",
        ANY["match"],
        spoil.reject_token,
        defaults=ANY,
    ),
    Fault(
        "http-403",
        "any",
        WHEN_HTTP.format(403),
        "the project may not do this; ask its owner",
        ANY["match"],
        spoil.refuse(403, "Policy doesn't allow this to be performed."),
        defaults=ANY,
    ),
    Fault(
        "http-404",
        "any",
        WHEN_HTTP.format(404),
        "what was asked for is gone: look with `servelab status`",
        ANY["match"],
        spoil.refuse(404, "The resource could not be found.", "HTTPNotFound"),
        defaults=ANY,
    ),
    Fault(
        "http-409",
        "any",
        WHEN_HTTP.format(409),
        "somebody changed it meanwhile; try again",
        ANY["match"],
        spoil.refuse(409, "Conflict: the resource is in use."),
        defaults=ANY,
    ),
    Fault(
        "http-429",
        "any",
        "HTTP 429 with Retry-After: 1",
        "too many requests: waited, then tried again",
        ANY["match"],
        spoil.refuse(429, "Too Many Requests", headers={"Retry-After": "1"}),
        defaults=ANY,
    ),
    Fault(
        "http-500",
        "any",
        WHEN_HTTP.format(500),
        AGAIN,
        ANY["match"],
        spoil.refuse(500, "Internal Server Error"),
        defaults=ANY,
    ),
    Fault(
        "http-502",
        "any",
        "HTTP 502 and HTML from the load balancer",
        AGAIN,
        ANY["match"],
        spoil.proxy(502),
        defaults=ANY,
    ),
    Fault(
        "http-503",
        "any",
        "HTTP 503 and HTML from the load balancer",
        AGAIN,
        ANY["match"],
        spoil.proxy(503),
        defaults=ANY,
    ),
    Fault(
        "http-504",
        "any",
        "HTTP 504 and HTML from the load balancer",
        AGAIN,
        ANY["match"],
        spoil.proxy(504),
        defaults=ANY,
    ),
    Fault(
        "http-timeout",
        "any",
        "the request is read and never answered",
        "no answer within the time limit: " + AGAIN,
        ANY["match"],
        spoil.hang,
        defaults=WAIT,
    ),
    Fault(
        "http-half-open",
        "any",
        "headers and half of the body arrive, then nothing, the connection stays open",
        "no answer within the time limit: " + AGAIN,
        ANY["match"],
        spoil.half_open,
        late=True,
        defaults=WAIT,
    ),
    Fault(
        "http-truncated",
        "any",
        "half of the promised body arrives, then the connection closes",
        AGAIN,
        ANY["match"],
        spoil.truncate,
        late=True,
        defaults=ANY,
    ),
    Fault(
        "http-drop", "any", "the connection is closed without an answer", AGAIN, ANY["match"], spoil.drop, defaults=ANY
    ),
    Fault("http-reset", "any", "the connection is reset", AGAIN, ANY["match"], spoil.reset, defaults=ANY),
    Fault(
        "malformed-json",
        "any",
        "status as usual, a body that is not JSON",
        "the service answered nonsense: " + AGAIN,
        ANY["match"],
        spoil.malformed,
        late=True,
        defaults=ANY,
    ),
    Fault(
        "empty-json",
        "any",
        "status 200 and {}",
        "the service answered without what was asked for",
        ANY["match"],
        spoil.empty_object,
        defaults=ANY,
    ),
    Fault(
        "maintenance-page",
        "any",
        "status 200 and a web page instead of JSON",
        "the site is in maintenance, or a portal is in between",
        ANY["match"],
        spoil.page_instead,
        defaults=ANY,
    ),
    Fault(
        "sites-unavailable",
        "reference",
        "/sites.json is answered 503",
        "the list of sites cannot be read; try later",
        r"^GET /sites\.json",
        spoil.proxy(503),
    ),
    Fault(
        "nodes-unavailable",
        "reference",
        "the reference API's nodes.json is answered 503",
        "descriptions of nodes are missing; the calendar still works",
        r"nodes\.json$",
        spoil.proxy(503),
    ),
    Fault(
        "clock-skew",
        "any",
        "the Date header of every answer is an hour ahead (`seconds`)",
        "this machine's clock differs from the site's: set it",
        defaults={"seconds": 3600},
    ),
)

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
        "lease-ended-mid-run",
        "node",
        "the lease ends while the command that `match` fits runs",
        "the lease ended; what was finished is safe; continue on another node",
        defaults=COMMAND,
    ),
)

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

CONTAINER = (
    Fault("container-quota", "zun", "POST of a container is answered 403, quota exceeded", "the quota is used up"),
    Fault(
        "container-image-missing",
        "zun",
        "the container goes to Error: image not found",
        "the image's name, where to change it",
    ),
    Fault("container-error", "zun", "the container goes to Error: the device does not answer", "try another device"),
    Fault("container-creating-forever", "zun", "the container stays in Creating", "it did not start in time"),
    Fault(
        "container-execute-fails",
        "zun",
        "commands that `match` fits end with 137 and 'Killed'",
        "the command was killed: out of memory on the device",
        defaults={"match": ""},
    ),
    Fault("container-disk-full", "zun", "uploads are answered 500, no space left on device", "what to delete"),
    Fault("container-delete-ignored", "zun", "DELETE is answered 204 and the container stays", "it is still there"),
)

NODE = (
    Fault(
        "server-never-reachable",
        "node",
        "the server is ACTIVE and its SSH port stays closed",
        "the node does not answer SSH: what was tried, how to look at its console",
    ),
    Fault("ssh-refused", "node", "connections are closed at once", "tried again, then given up with the address"),
    Fault("ssh-no-banner", "node", "connections are accepted and nothing is sent", "no banner within the time limit"),
    Fault("ssh-drop-at-banner", "node", "the connection closes after the banner", "dropped while signing in"),
    Fault("ssh-drop-at-auth", "node", "the connection closes during authentication", "dropped while signing in"),
    Fault(
        "keypair-mismatch",
        "node",
        "the node does not accept the user's key",
        "the key pair of the server is not this private key: which file, which key pair",
    ),
    Fault(
        "ssh-host-key-changed",
        "node",
        "the node shows another host key than before",
        "the host key changed: what to check, what to remove",
    ),
    Fault(
        "ssh-drop-before-command", "node", "the connection breaks before the command starts", AGAIN, defaults=COMMAND
    ),
    Fault(
        "ssh-drop-mid-command",
        "node",
        "the connection breaks `seconds` after the command started",
        AGAIN,
        defaults=COMMAND,
    ),
    Fault(
        "ssh-drop-after-command",
        "node",
        "the command ends, the connection breaks before its exit status",
        AGAIN,
        defaults=COMMAND,
    ),
    Fault(
        "ssh-session-hangs",
        "node",
        "the command never starts, the connection stays",
        "no answer in time",
        defaults=COMMAND,
    ),
    Fault("ssh-drop-in-upload", "node", "the connection breaks while a file is written", AGAIN),
    Fault("ssh-drop-in-download", "node", "the connection breaks while a file is read", AGAIN),
    Fault("tunnel-refused", "node", "port forwarding is refused", "the tunnel could not be opened"),
    Fault(
        "node-reboots",
        "node",
        "every process and connection of the node ends `seconds` after the command started",
        AGAIN,
        defaults=COMMAND,
    ),
    Fault(
        "node-command-fails",
        "node",
        "the command that `match` fits ends with `code` and `text` instead of running",
        "the command, its exit code, its last lines",
        defaults={"match": "", "code": 1, "text": "failed"},
    ),
    Fault(
        "node-disk-full",
        "node",
        "df says 100 %; apt-get, docker, git push, rsync, tar and SFTP writes fail so",
        "the node's disk is full: what takes the space",
    ),
    Fault("node-no-internet", "node", "curl cannot resolve names outside", "the node has no network"),
    Fault("node-clock-skew", "node", "`date` on the node is two hours ahead", "the node's clock is wrong"),
    Fault("sudo-asks-password", "node", "sudo asks for a password and fails", "the image's user may not use sudo"),
    Fault("apt-locked", "node", "apt-get: the lock is held by unattended-upgrades", AGAIN),
    Fault("apt-no-network", "node", "apt-get update cannot resolve its mirror", AGAIN),
    Fault("docker-install-fails", "node", "installing Docker fails with 502 from its mirror", AGAIN),
    Fault("docker-daemon-down", "node", "docker cannot reach its daemon", "the Docker daemon does not run"),
    Fault("docker-pull-fails", "node", "docker pull: toomanyrequests", "the registry's pull limit; try later"),
    Fault("docker-build-fails", "node", "docker build fails", "the build's last lines"),
    Fault("service-fails", "node", "systemctl start fails", "the unit's name, how to read its log"),
    Fault("gpu-driver-missing", "node", "nvidia-smi cannot talk to the driver", "the image lacks the driver"),
    Fault(
        "gpu-missing",
        "node",
        "nvidia-smi sees no GPU from now on",
        "the node differs from its description: another node",
    ),
    Fault(
        "kernel-dies-on-node",
        "node",
        "the Jupyter kernel on the node is killed once it is `seconds` old",
        "the kernel died; finished steps are safe; `resume`",
        defaults={"seconds": 0.0},
    ),
)

TABLE: dict[str, Fault] = {fault.name: fault for fault in (*HTTP, *LEASE, *SERVER, *CONTAINER, *NODE)}
