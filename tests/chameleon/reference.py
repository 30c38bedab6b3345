"""The reference API: plain GETs without a token, before anyone has signed in."""

from __future__ import annotations

from typing import Any

from .wire import Refusal, Reply, Request, Service

PORT = 9999


def error(refusal: Refusal) -> Reply:
    return Reply(refusal.status, {"error": refusal.message})


def sites(request: Request) -> Reply:
    """Every site but KVM@TACC, which python-chi adds itself."""
    items = [
        {
            "uid": site.uid,
            "name": site.name,
            "site_class": site.site_class,
            "web": f"http://{site.address}",
            "location": "this machine",
            "user_support_contact": "help@example.org",
        }
        for site in request.state.sites.values()
        if site.site_class != "kvm"
    ]
    return Reply(200, {"items": items, "total": len(items)})


def nodes(request: Request, uid: str) -> Reply:
    for site in request.state.sites.values():
        if site.uid == uid and site.site_class == "baremetal":
            items = request.state.nodes[site.name]
            return Reply(200, {"items": items, "total": len(items)})
    raise Refusal(404, "Not Found")


def edge_devices(request: Request) -> Reply:
    """A list, joined to Blazar's devices by `uuid == uid`."""

    def one(properties: dict[str, Any]) -> dict[str, Any]:
        return {
            "uuid": properties["uid"],
            "device_name": properties["name"],
            "device_type": properties["machine_name"],
            "supported_device_profiles": [],
            "authorized_projects": ["all"],
            "owning_project": request.state.project_id,
        }

    return Reply(200, [one(each.properties) for each in request.state.resources.values() if each.kind == "device"])


SERVICE = Service(
    "reference",
    PORT,
    (
        ("GET", r"/sites\.json", sites),
        ("GET", r"/sites/([^/]+)/clusters/chameleon/nodes\.json", nodes),
        ("GET", r"/edge-hw-discovery/devices", edge_devices),
    ),
    error,
    open_paths="",
)
