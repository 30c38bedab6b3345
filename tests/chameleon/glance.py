"""Images: a list filtered by name, the object, and the schema that glanceclient builds its model from."""
from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from .wire import Refusal, Reply, Request, Service

_TEXT: dict[str, Any] = {"type": ["null", "string"]}
_WHOLE: dict[str, Any] = {"type": ["null", "integer"]}
_FLAG: dict[str, Any] = {"type": "boolean"}
SCHEMA: dict[str, Any] = {
    "name": "image",
    "properties": {
        "id": {"type": "string"}, "name": _TEXT, "status": {"type": "string"}, "visibility": {"type": "string"},
        "protected": _FLAG, "os_hidden": _FLAG, "checksum": _TEXT, "os_hash_algo": _TEXT, "os_hash_value": _TEXT,
        "owner": _TEXT, "size": _WHOLE, "virtual_size": _WHOLE, "container_format": _TEXT, "disk_format": _TEXT,
        "created_at": {"type": "string"}, "updated_at": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}}, "min_ram": {"type": "integer"},
        "min_disk": {"type": "integer"}, "self": {"type": "string"}, "file": {"type": "string"},
        "schema": {"type": "string"}},
    "additionalProperties": {"type": "string"},
    "links": [{"rel": "self", "href": "{self}"}, {"rel": "enclosure", "href": "{file}"},
              {"rel": "describedby", "href": "{schema}"}]}


def error(refusal: Refusal) -> Reply:
    """Glance answers errors in HTML."""
    title = {403: "403 Forbidden", 404: "404 Not Found"}.get(refusal.status, str(refusal.status))
    page = (f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n  "
            f"{refusal.message}<br /><br />\n\n\n\n </body>\n</html>")
    return Reply(refusal.status, page, content_type="text/html; charset=UTF-8")


def images(request: Request) -> Reply:
    name = request.query.get("name")
    found = [] if request.state.faults.take("image-missing") is not None else \
        [each for each in request.state.sites[request.site].images if name in (None, each["name"])]
    first = "/v2/images" + (f"?{urlencode(request.query)}" if request.query else "")
    return Reply(200, {"images": found, "first": first, "schema": "/v2/schemas/images"})


def image(request: Request, number: str) -> Reply:
    for each in request.state.sites[request.site].images:
        if each["id"] == number:
            return Reply(200, each)
    raise Refusal(404, f"No image found with ID {number}")


def schema(request: Request) -> Reply:
    return Reply(200, SCHEMA)


def versions(request: Request) -> Reply:
    url = f"http://{request.state.sites[request.site].address}:9292/v2/"
    return Reply(300 if request.path == "/" else 200, {"versions": [
        {"id": "v2.17", "status": "CURRENT", "links": [{"rel": "self", "href": url}]}]})


SERVICE = Service("glance", 9292, (
    ("GET", r"/(?:versions)?", versions), ("GET", r"/v2/images", images), ("GET", r"/v2/schemas/image", schema),
    ("GET", r"/v2/images/([^/]+)", image),
), error, open_paths=r"^/(versions)?$")
