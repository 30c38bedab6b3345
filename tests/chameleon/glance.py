"""Images: a list filtered by name, the object, and the schema that glanceclient builds its model from."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from .wire import Refusal, Reply, Request, Service

RECORDED = Path(__file__).with_name("recorded") / "openstack.json"


@functools.cache
def recorded_schema() -> dict[str, Any]:
    """The real service's schema."""
    schema: dict[str, Any] = json.loads(RECORDED.read_text())["image-schema"]["body"]
    return schema


def error(refusal: Refusal) -> Reply:
    """Glance answers errors in HTML."""
    title = {403: "403 Forbidden", 404: "404 Not Found"}.get(refusal.status, str(refusal.status))
    page = (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n  "
        f"{refusal.message}<br /><br />\n\n\n\n </body>\n</html>"
    )
    return Reply(refusal.status, page, content_type="text/html; charset=UTF-8")


def images(request: Request) -> Reply:
    name = request.query.get("name")
    found = (
        []
        if request.state.faults.take("image-missing") is not None
        else [each for each in request.state.sites[request.site].images if name in (None, each["name"])]
    )
    first = "/v2/images" + (f"?{urlencode(request.query)}" if request.query else "")
    return Reply(200, {"images": found, "first": first, "schema": "/v2/schemas/images"})


def image(request: Request, number: str) -> Reply:
    for each in request.state.sites[request.site].images:
        if each["id"] == number:
            return Reply(200, each)
    raise Refusal(404, f"No image found with ID {number}")


def schema(request: Request) -> Reply:
    return Reply(200, recorded_schema())


def versions(request: Request) -> Reply:
    url = f"http://{request.state.sites[request.site].address}:9292/v2/"
    return Reply(
        300 if request.path == "/" else 200,
        {"versions": [{"id": "v2.17", "status": "CURRENT", "links": [{"rel": "self", "href": url}]}]},
    )


SERVICE = Service(
    "glance",
    9292,
    (
        ("GET", r"/(?:versions)?", versions),
        ("GET", r"/v2/images", images),
        ("GET", r"/v2/schemas/image", schema),
        ("GET", r"/v2/images/([^/]+)", image),
    ),
    error,
    open_paths=r"^/(versions)?$",
)
