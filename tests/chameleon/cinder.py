"""Block storage of the KVM site: disks made from an image, from which servers boot. Never recorded."""

from __future__ import annotations

from typing import Any

from .clock import dots
from .model import FOREVER, Volume, new_id
from .wire import Refusal, Reply, Request, Service

MAKING_S = 40.0
KINDS = {400: "badRequest", 403: "forbidden", 404: "itemNotFound", 413: "overLimit"}


def error(refusal: Refusal) -> Reply:
    kind = KINDS.get(refusal.status, "computeFault")
    return Reply(refusal.status, {kind: {"code": refusal.status, "message": refusal.message}})


def _volume_json(one: Volume) -> dict[str, Any]:
    attached = [{"server_id": one.server, "volume_id": one.id, "device": "/dev/vda"}] if one.server else []
    return {
        "id": one.id,
        "name": one.name,
        "size": one.size,
        "status": one.status,
        "bootable": "true",
        "attachments": attached,
        "user_id": one.user,
        "os-vol-tenant-attr:tenant_id": one.project,
        "created_at": dots(one.created),
        "metadata": {},
        "volume_image_metadata": {"image_id": one.image},
    }


def _own(request: Request) -> list[Volume]:
    volumes = request.state.volumes.values()
    return [each for each in volumes if each.project == request.project and each.site == request.site]


def _find(request: Request, number: str) -> Volume:
    for each in _own(request):
        if each.id == number:
            return each
    raise Refusal(404, f"Volume {number} could not be found.")


def create(request: Request) -> Reply:
    state, wish = request.state, request.json().get("volume") or {}
    if state.faults.take("volume-quota") is not None:
        raise Refusal(
            413,
            "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. "
            "Requested 40G, quota is 1000G and 980G has been consumed.",
        )
    if not any(each["id"] == wish.get("imageRef") for each in state.sites[request.site].images):
        raise Refusal(400, "Invalid input received: Invalid image identifier or unable to access requested image.")
    now = state.now()
    one = Volume(
        new_id(),
        str(wish.get("name") or ""),
        int(wish.get("size") or 0),
        wish["imageRef"],
        request.user,
        request.project,
        request.site,
        now,
        now + state.clock.delay(MAKING_S),
    )
    if state.faults.take("volume-creating-forever") is not None:
        one.ready_at = FOREVER
    if state.faults.take("volume-error") is not None:
        one.ends_as = "error"
    state.volumes[one.id] = one
    return Reply(202, {"volume": _volume_json(one)})


def volumes(request: Request) -> Reply:
    return Reply(200, {"volumes": [_volume_json(each) for each in _own(request)]})


def volume(request: Request, number: str) -> Reply:
    return Reply(200, {"volume": _volume_json(_find(request, number))})


def delete(request: Request, number: str) -> Reply:
    one = _find(request, number)
    refused = request.state.faults.take("volume-delete-refused") is not None
    if refused or one.status not in ("available", "error"):
        raise Refusal(
            400,
            "Invalid volume: Volume status must be available or error or error_restoring or error_extending or "
            "error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a "
            "transfer, or be disassociated from snapshots after volume transfer.",
        )
    del request.state.volumes[one.id]
    return Reply(202)


PROJECT = r"/v3(?:/[0-9a-f]{32})?"
SERVICE = Service(
    "cinder",
    8776,
    (
        ("POST", PROJECT + r"/volumes", create),
        ("GET", PROJECT + r"/volumes/detail", volumes),
        ("GET", PROJECT + r"/volumes/([^/]+)", volume),
        ("DELETE", PROJECT + r"/volumes/([^/]+)", delete),
    ),
    error,
)
