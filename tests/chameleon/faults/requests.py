"""Faults of the sign-in, of the list of sites, and of any request."""

from __future__ import annotations

from typing import Any

from .. import spoil
from ..switch import Fault, Play
from .words import AGAIN


def at_sign_in(name: str, does: str, remedy: str, play: Play, *, late: bool = False, **defaults: Any) -> Fault:
    """A row about Keystone's answer to a sign-in."""
    return Fault(name, "keystone", does, remedy, r"^POST /v3/auth/tokens", play, late, defaults)


def to_any(name: str, does: str, remedy: str, play: Play, *, late: bool = False, **defaults: Any) -> Fault:
    """A row about any request but a sign-in; `service` and `match` choose among them."""
    match = r"^(GET|POST|PUT|DELETE) (?!/v3/auth)"
    return Fault(name, "any", does, remedy, match, play, late, {"service": "any", "match": match, **defaults})


HTTP = (
    at_sign_in(
        "credentials-rejected",
        "sign-in is answered 401",
        "the credentials are wrong or were withdrawn; where to get new ones",
        spoil.refuse(401, "The request you have made requires authentication."),
    ),
    at_sign_in(
        "keystone-forbidden",
        "sign-in is answered 403",
        "the account has no role in the project; ask its owner",
        spoil.refuse(403, "You are not authorized to perform the requested action."),
    ),
    at_sign_in(
        "keystone-unavailable",
        "sign-in is answered 503 by the load balancer",
        AGAIN,
        spoil.proxy(503),
    ),
    at_sign_in(
        "keystone-hangs",
        "sign-in is never answered",
        "the site does not answer; check the network, the site's status page",
        spoil.hang,
        seconds=spoil.FOR_EVER_S,
    ),
    at_sign_in(
        "catalog-without-reservations",
        "the catalog names no reservation service",
        "this site or region lends nothing: check the site's name",
        spoil.rewrite(spoil.without_service("reservation")),
        late=True,
    ),
    at_sign_in(
        "catalog-without-containers",
        "the catalog names no container service",
        "containers are at CHI@Edge only",
        spoil.rewrite(spoil.without_service("container")),
        late=True,
    ),
    to_any(
        "token-expired",
        "401, and all tokens are void until the client signs in again",
        "nothing: it signs in again by itself",
        spoil.expire_tokens,
    ),
    to_any(
        "http-401",
        "HTTP 401 to a request, whatever its token",
        "the sign-in is refused here; renew the credentials",
        spoil.reject_token,
    ),
    to_any(
        "http-403",
        "HTTP 403 to a request",
        "the project may not do this; ask its owner",
        spoil.refuse(403, "Policy doesn't allow this to be performed."),
    ),
    to_any(
        "http-404",
        "HTTP 404 to a request",
        "what was asked for is gone: look with `servelab status`",
        spoil.refuse(404, "The resource could not be found.", "HTTPNotFound"),
    ),
    to_any(
        "http-409",
        "HTTP 409 to a request",
        "somebody changed it meanwhile; try again",
        spoil.refuse(409, "Conflict: the resource is in use."),
    ),
    to_any(
        "http-429",
        "HTTP 429 with Retry-After: 1",
        "too many requests: waited, then tried again",
        spoil.refuse(429, "Too Many Requests", headers={"Retry-After": "1"}),
    ),
    to_any(
        "http-500",
        "HTTP 500 to a request",
        AGAIN,
        spoil.refuse(500, "Internal Server Error"),
    ),
    *(
        to_any(f"http-{status}", f"HTTP {status} and HTML from the load balancer", AGAIN, spoil.proxy(status))
        for status in (502, 503, 504)
    ),
    to_any(
        "http-timeout",
        "the request is read and never answered",
        "no answer within the time limit: " + AGAIN,
        spoil.hang,
        seconds=spoil.FOR_EVER_S,
    ),
    to_any(
        "http-half-open",
        "headers and half of the body arrive, then nothing, the connection stays open",
        "no answer within the time limit: " + AGAIN,
        spoil.half_open,
        late=True,
        seconds=spoil.FOR_EVER_S,
    ),
    to_any(
        "http-truncated",
        "half of the promised body arrives, then the connection closes",
        AGAIN,
        spoil.truncate,
        late=True,
    ),
    to_any(
        "http-drop",
        "the connection is closed without an answer",
        AGAIN,
        spoil.drop,
    ),
    to_any(
        "http-reset",
        "the connection is reset",
        AGAIN,
        spoil.reset,
    ),
    to_any(
        "malformed-json",
        "status as usual, a body that is not JSON",
        "the service answered nonsense: " + AGAIN,
        spoil.malformed,
        late=True,
    ),
    to_any(
        "empty-json",
        "status 200 and {}",
        "the service answered without what was asked for",
        spoil.empty_object,
    ),
    to_any(
        "maintenance-page",
        "status 200 and a web page instead of JSON",
        "the site is in maintenance, or a portal is in between",
        spoil.page_instead,
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
        "cli-password-wrong",
        "keystone",
        "the identity provider behind openrc answers 401, invalid_grant",
        "it is the CLI password that is asked for; where to set it",
    ),
    Fault(
        "idp-unavailable",
        "keystone",
        "the identity provider behind openrc answers 503 and HTML",
        "sign-in does not work now; try later",
    ),
    Fault(
        "several-projects",
        "keystone",
        "the user is in three projects",
        "which projects there are; how to say which pays",
    ),
    Fault("no-project", "keystone", "the user is in no project", "join the course's project on the portal"),
    at_sign_in(
        "project-disabled",
        "sign-in is answered 401: the project is disabled",
        "the project is not active: ask the instructor",
        spoil.refuse(401, "Project CHI-course is disabled."),
    ),
    at_sign_in(
        "keystone-nonsense",
        "sign-in is answered 201 and a web page",
        "the site is in maintenance, or a portal is in between",
        spoil.page_instead,
    ),
    *(
        at_sign_in(
            f"catalog-without-{name}",
            f"the catalog names no {kind} service",
            "this site or region does not have it: check the site's name",
            spoil.rewrite(spoil.without_service(kind)),
            late=True,
        )
        for name, kind in (
            ("servers", "compute"),
            ("networks", "network"),
            ("images", "image"),
            ("volumes", "volumev3"),
        )
    ),
    Fault(
        "sites-empty",
        "reference",
        "/sites.json lists no site",
        "the list of sites cannot be used; name the site's address",
        r"^GET /sites\.json",
        spoil.rewrite(lambda body: {"items": [], "total": 0}),
        late=True,
    ),
    Fault(
        "sites-page-instead",
        "reference",
        "/sites.json is answered with a web page",
        "the list of sites cannot be read; a portal may be in between",
        r"^GET /sites\.json",
        spoil.page_instead,
    ),
    to_any(
        "http-414",
        "HTTP 414: the address is too long for the server in front of the service",
        "which request: a fault of the kit",
        spoil.refuse(414, "Request-URI Too Long"),
    ),
    Fault(
        "clock-skew",
        "any",
        "the Date header of every answer is an hour ahead (`seconds`)",
        "this machine's clock differs from the site's: set it",
        defaults={"seconds": 3600},
    ),
)
