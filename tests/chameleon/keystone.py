"""Identity: tokens from a password or an application credential, and the catalog."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from .model import Token, new_hex
from .state import TOKEN_LIFE, State
from .wire import Refusal, Reply, Request, Service

# service type -> (name, port, path of its endpoint)
CATALOG = {
    "identity": ("keystone", 5000, "/v3"),
    "reservation": ("blazar", 1234, "/v1"),
    "compute": ("nova", 8774, "/v2.1"),
    "network": ("neutron", 9696, ""),
    "image": ("glance", 9292, ""),
    "container": ("zun", 9517, "/v1"),
    "volumev3": ("cinder", 8776, "/v3"),
}
ONLY_AT = {"container": "edge", "volumev3": "kvm"}
ACCESS_TOKEN = "access-token-of-the-emulated-provider"
WRONG = "The request you have made requires authentication."


def error(refusal: Refusal) -> Reply:
    titles = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 400: "Bad Request"}
    return Reply(
        refusal.status,
        {"error": {"code": refusal.status, "message": refusal.message, "title": titles.get(refusal.status, "Error")}},
    )


def _micro(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def catalog(state: State) -> list[dict[str, Any]]:
    """Every region is in every catalog; containers are only at the edge, volumes only where machines are virtual."""
    entries = []
    for kind, (name, port, path) in CATALOG.items():
        endpoints = []
        for site in state.sites.values():
            if site.site_class != ONLY_AT.get(kind, site.site_class):
                continue
            endpoints.append(
                {
                    "id": new_hex(),
                    "interface": "public",
                    "region": site.name,
                    "region_id": site.name,
                    "url": f"http://{site.address}:{port}{path}",
                }
            )
        entries.append({"type": kind, "name": name, "id": new_hex(), "endpoints": endpoints})
    return entries


def _check(request: Request, identity: dict[str, Any], scope: Any) -> tuple[str, str]:
    """The method of signing in, and the id of the user. Raises Refusal for a wrong one."""
    state = request.state
    methods = identity.get("methods") or [""]
    if methods[0] == "password":
        user = identity["password"]["user"]
        named = (scope or {}).get("project") or {}
        number = state.users.get(user.get("name", state.user_name))
        known = number is not None and user.get("id", number) == number
        project = (
            named.get("name", state.project_name) == state.project_name
            and named.get("id", state.project_id) == state.project_id
        )
        domain = (named.get("domain") or {}).get("name", "chameleon")
        if known and user.get("password") == state.password and project and domain == "chameleon":
            return "password", str(number)
    if methods[0] == "application_credential" and scope is None:
        given = identity["application_credential"]
        if (given.get("id"), given.get("secret")) == state.app_credential:
            return "application_credential", state.user_id
    if methods[0] == "token" and identity["token"]["id"] in state.tokens:
        user = state.tokens[identity["token"]["id"]].user
        named = (scope or {}).get("project") or {}
        right = named.get("name", state.project_name) == state.project_name
        if not named:
            return "unscoped", user
        if right and named.get("id", state.project_id) == state.project_id:
            return "openid", user
    raise Refusal(401, WRONG)


# The identity provider behind openrc files, and Keystone's end of it: a token of no project, then one of the project.


def discovery(request: Request) -> Reply:
    base = f"http://{request.state.sites[request.site].address}:5000/idp"
    return Reply(200, {"issuer": base, "token_endpoint": f"{base}/token"})


def idp_token(request: Request) -> Reply:
    state = request.state
    if state.faults.take("idp-unavailable") is not None:
        return Reply(503, "<html><body><h1>503 Service Unavailable</h1></body></html>", content_type="text/html")
    form = {key: values[-1] for key, values in parse_qs(request.raw.decode()).items()}
    wrong = state.faults.take("cli-password-wrong") is not None
    if wrong or form.get("password") != state.password:
        return Reply(401, {"error": "invalid_grant", "error_description": "Invalid user credentials"})
    return Reply(200, {"access_token": ACCESS_TOKEN, "expires_in": 300, "token_type": "Bearer"})


def federated(request: Request) -> Reply:
    state = request.state
    if request.headers.get("authorization") != f"Bearer {ACCESS_TOKEN}":
        return error(Refusal(401, WRONG))
    token = Token(new_hex(), state.user_id, "", state.now() + TOKEN_LIFE, "openid")
    state.tokens[token.id] = token
    return Reply(201, describe(request, token), {"X-Subject-Token": token.id})


def issue(request: Request) -> Reply:
    auth = request.json().get("auth") or {}
    try:
        method, user = _check(request, auth.get("identity") or {}, auth.get("scope"))
    except (KeyError, TypeError, AttributeError):
        raise Refusal(400, "Expecting to find identity in auth.") from None
    state, now = request.state, request.state.now()
    project = "" if method == "unscoped" else state.project_id
    token = Token(new_hex(), user, project, now + TOKEN_LIFE, method)
    state.tokens[token.id] = token
    return Reply(201, describe(request, token), {"X-Subject-Token": token.id})


def describe(request: Request, token: Token) -> dict[str, Any]:
    """What a token says; one of no project names neither project nor catalog."""
    whole = _describe(request, token)
    if not token.project:
        for key in ("project", "catalog", "roles"):
            del whole["token"][key]
    return whole


def _describe(request: Request, token: Token) -> dict[str, Any]:
    state = request.state
    return {
        "token": {
            "methods": [token.method],
            "issued_at": _micro(token.expires - TOKEN_LIFE),
            "expires_at": _micro(token.expires),
            "user": {
                "id": token.user,
                "name": next(name for name, number in state.users.items() if number == token.user),
                "domain": {"id": "default", "name": "Default"},
                "password_expires_at": None,
            },
            "project": {
                "id": state.project_id,
                "name": state.project_name,
                "domain": {"id": state.domain_id, "name": "chameleon"},
            },
            "is_domain": False,
            "roles": [{"id": new_hex(), "name": "member"}, {"id": new_hex(), "name": "reader"}],
            "audit_ids": [new_hex()[:22]],
            "catalog": catalog(state),
        }
    }


def show(request: Request) -> Reply:
    subject = request.headers.get("x-subject-token", "")
    return Reply(200, describe(request, request.state.check_token(subject)), {"X-Subject-Token": subject})


def revoke(request: Request) -> Reply:
    request.state.tokens.pop(request.headers.get("x-subject-token", ""), None)
    return Reply(204)


def projects(request: Request, *_: str) -> Reply:
    state = request.state
    names = [state.project_name]
    if state.faults.take("several-projects") is not None:
        names += ["CHI-thesis", "CHI-other-course"]
    if state.faults.take("no-project") is not None:
        names = []
    return Reply(
        200,
        {
            "projects": [
                {
                    "id": state.project_id if name == state.project_name else new_hex(),
                    "name": name,
                    "enabled": True,
                    "domain_id": state.domain_id,
                    "is_domain": False,
                    "description": "",
                    "parent_id": state.domain_id,
                    "tags": [],
                    "options": {},
                    "links": {},
                }
                for name in names
            ],
            "links": {"next": None, "self": "", "previous": None},
        },
    )


def version(request: Request) -> Reply:
    url = f"http://{request.state.sites[request.site].address}:5000/v3/"
    return Reply(
        200,
        {
            "version": {
                "id": "v3.14",
                "status": "stable",
                "updated": "2020-04-07T00:00:00Z",
                "links": [{"rel": "self", "href": url}],
                "media-types": [],
            }
        },
    )


SERVICE = Service(
    "keystone",
    5000,
    (
        ("POST", r"/v3/auth/tokens", issue),
        ("GET", r"/v3/auth/tokens", show),
        ("DELETE", r"/v3/auth/tokens", revoke),
        ("GET", r"/v3/users/([^/]+)/projects", projects),
        ("GET", r"/v3/auth/projects", projects),
        ("GET", r"/v3/?", version),
        ("GET", r"/idp/.well-known/openid-configuration", discovery),
        ("POST", r"/idp/token", idp_token),
        ("POST", r"/v3/OS-FEDERATION/identity_providers/chameleon/protocols/openid/auth", federated),
    ),
    error,
    open_paths=r"^(/v3/auth/tokens|/v3/?|/idp/.*|/v3/OS-FEDERATION/.*)$",
)
