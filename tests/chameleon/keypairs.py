"""Nova's key pairs."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Any

from .clock import dots
from .model import Keypair
from .wire import Refusal, Reply, Request


def fingerprint(public_key: str) -> str:
    """MD5 of the key's bytes, with colons."""
    try:
        content = base64.b64decode(public_key.split()[1], validate=True)
    except (IndexError, binascii.Error):
        raise Refusal(400, "Keypair data is invalid: failed to generate fingerprint") from None
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 32, 2))


def _keypair_json(one: Keypair) -> dict[str, Any]:
    return {
        "name": one.name,
        "public_key": one.public_key,
        "fingerprint": one.fingerprint,
        "user_id": one.user,
        "type": "ssh",
    }


def keypairs(request: Request) -> Reply:
    return Reply(
        200,
        {
            "keypairs": [
                {"keypair": {k: v for k, v in _keypair_json(one).items() if k != "user_id"}}
                for one in request.state.keypairs.values()
                if one.site == request.site
            ]
        },
    )


def _keypair(request: Request, name: str) -> Keypair:
    found = request.state.keypairs.get((request.site, name))
    if found is None:
        raise Refusal(404, f"Keypair {name} not found for user {request.user}")
    return found


def keypair(request: Request, name: str) -> Reply:
    one = _keypair(request, name)
    return Reply(
        200,
        {
            "keypair": {
                **_keypair_json(one),
                "id": one.number,
                "created_at": dots(one.created),
                "updated_at": None,
                "deleted": False,
                "deleted_at": None,
            }
        },
    )


def create_keypair(request: Request) -> Reply:
    wish = request.json().get("keypair") or {}
    name, public_key = wish.get("name", ""), wish.get("public_key")
    if not public_key:
        raise Refusal(400, "Invalid input for field/attribute keypair: 'public_key' is a required property")
    if (request.site, name) in request.state.keypairs:
        raise Refusal(409, f"Key pair '{name}' already exists.")
    if request.state.faults.take("keypair-quota") is not None:
        raise Refusal(403, "Quota exceeded, too many key pairs.")
    one = Keypair(
        name,
        public_key,
        fingerprint(public_key),
        request.user,
        request.site,
        request.state.now(),
        request.state.next_number(),
    )
    request.state.keypairs[request.site, name] = one
    return Reply(201, {"keypair": _keypair_json(one)})


def delete_keypair(request: Request, name: str) -> Reply:
    _keypair(request, name)
    del request.state.keypairs[request.site, name]
    return Reply(204)


ROUTES = (
    ("GET", r"/v2\.1/os-keypairs", keypairs),
    ("GET", r"/v2\.1/os-keypairs/([^/]+)", keypair),
    ("POST", r"/v2\.1/os-keypairs", create_keypair),
    ("DELETE", r"/v2\.1/os-keypairs/([^/]+)", delete_keypair),
)
