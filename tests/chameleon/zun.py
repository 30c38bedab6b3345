"""Containers on reserved edge devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .model import Container, new_hex, new_id
from .state import CONTAINER_S, State
from .wire import Refusal, Reply, Request, Service

NO_DEVICE = "There are not enough hosts available."


def error(refusal: Refusal) -> Reply:
    return Reply(
        refusal.status,
        {
            "errors": [
                {
                    "request_id": "req-" + new_id(),
                    "code": "",
                    "status": refusal.status,
                    "title": refusal.message,
                    "detail": refusal.message,
                    "links": [],
                }
            ]
        },
    )


def describe(request: Request, one: Container) -> dict[str, Any]:
    body, network = one.body, request.state.sites[one.site].networks[0]
    up = one.status in ("Running", "Stopped")
    port = {
        "addr": one.fixed_ip,
        "port": one.port_id,
        "version": 4,
        "subnet_id": network["subnets"][0],
        "preserve_on_delete": False,
    }
    return {
        "uuid": one.uuid,
        "name": one.name,
        "image": body.get("image"),
        "command": body.get("command") or [],
        "status": one.status,
        "status_reason": one.reason,
        "status_detail": None,
        "environment": body.get("environment") or {},
        "workdir": body.get("workdir"),
        "labels": {},
        "hostname": one.device,
        "host": one.device,
        "project_id": one.project,
        "user_id": one.user,
        "ports": sorted(int(each.split("/")[0]) for each in body.get("exposed_ports") or {}),
        "addresses": {network["id"]: [port]} if up else {},
        "runtime": body.get("runtime"),
        "task_state": None,
        "device_profiles": body.get("device_profiles") or [],
        "interactive": False,
        "registry_id": None,
    }


def create(request: Request) -> Reply:
    state, body = request.state, request.json()
    if not body.get("image"):
        raise Refusal(400, "'image' is a required property")
    if state.faults.take("container-quota") is not None:
        raise Refusal(403, "Quota exceeded for resource: containers")
    hint, now = (body.get("hints") or {}).get("reservation"), state.now()
    name = body.get("name") or f"container-{state.next_number()}"
    one = Container(
        new_id(),
        name,
        request.user,
        request.project,
        request.site,
        body,
        now,
        now + state.clock.delay(CONTAINER_S),
        state.folder / "containers" / new_hex()[:12],
        hint,
    )
    one.fixed_ip = f"10.31.0.{state.next_number() % 250 + 3}"
    _schedule(state, one)
    state.containers[one.uuid] = one
    state.on_container_new(one)
    return Reply(202, describe(request, one))


def _schedule(state: State, one: Container) -> None:
    found = state.reservation(one.reservation)
    if found is None or found[0].status != "ACTIVE" or found[1].kind != "device" or found[0].site != one.site:
        one.status = one.ends_as = "Error"
        one.reason = NO_DEVICE
        return
    one.device = str(state.resources[found[1].resources[0]].properties["name"])
    if state.faults.take("container-image-missing") is not None:
        one.ends_as, one.reason = "Error", f"Image {one.body['image']} could not be pulled: manifest unknown"
    elif state.faults.take("container-error") is not None:
        one.ends_as, one.reason = "Error", "Container's device did not answer"
    elif state.faults.take("container-creating-forever") is not None:
        one.running_at = one.running_at.max


def _mine(request: Request) -> list[Container]:
    return [
        each
        for each in request.state.containers.values()
        if each.project == request.project and each.site == request.site
    ]


def _find(request: Request, reference: str) -> Container:
    found = [each for each in _mine(request) if reference in (each.uuid, each.name)]
    if len(found) > 1:
        raise Refusal(409, "Multiple containers exist with same name. Please use the container uuid instead.")
    if not found:
        raise Refusal(404, f"Container {reference} could not be found.")
    return found[0]


def list_all(request: Request) -> Reply:
    return Reply(200, {"containers": [describe(request, each) for each in _mine(request)]})


def show(request: Request, reference: str) -> Reply:
    return Reply(200, describe(request, _find(request, reference)))


def _running(request: Request, reference: str, verb: str) -> Container:
    one = _find(request, reference)
    if one.status != "Running":
        raise Refusal(409, f"Cannot {verb} container {one.uuid} in {one.status} state.")
    return one


def _later(work: Callable[[], Any]) -> Reply:
    """Commands and archives run after the state's lock was let go."""

    def run() -> Reply:
        try:
            return Reply(200, work())
        except Refusal as refusal:
            return error(refusal)

    return Reply(200, work=run)


NOTHING = {"output": "", "exit_code": None, "exec_id": None, "proxy_url": None}


def execute(request: Request, reference: str) -> Reply:
    one, faults = _running(request, reference, "execute"), request.state.faults
    root, command = request.state.root_of(one), request.query.get("command", "")
    if faults.take("container-execute-fails", command) is not None:
        return Reply(200, {**NOTHING, "output": "Killed\n", "exit_code": 137})
    if faults.take("container-execute-mute", command) is not None:
        return Reply(200, NOTHING)
    if faults.take("container-device-offline", command) is not None:
        raise Refusal(500, f"Error dialing backend: dial tcp: lookup {one.device}: no such host")
    if faults.take("container-stops", command) is not None:
        root.stop()
        one.status, one.reason = "Stopped", "Exited(137)"
        raise Refusal(409, f"Cannot execute container {one.uuid} in Stopped state.")
    if faults.take("container-vanishes", command) is not None:
        request.state.drop_container(one)
        raise Refusal(404, f"Container {reference} could not be found.")
    slow = faults.take("container-command-slow", command)
    return _later(lambda: root.execute(command, slow["seconds"] if slow else None))


def put_archive(request: Request, reference: str) -> Reply:
    root, data = request.state.root_of(_running(request, reference, "put_archive")), request.json().get("data", "")
    faults = request.state.faults
    if faults.take("container-disk-full") is not None:
        raise Refusal(500, "Docker internal error: write: no space left on device")
    if faults.take("container-upload-breaks") is not None:
        raise Refusal(500, "[Errno 32] Broken pipe")
    if faults.take("container-piece-lost") is not None:
        return Reply(200)
    return _later(lambda: root.put(request.query.get("path", "/"), data))


def get_archive(request: Request, reference: str) -> Reply:
    root, faults = request.state.root_of(_running(request, reference, "get_archive")), request.state.faults
    if faults.take("container-download-breaks") is not None:
        raise Refusal(500, "Handshake status 500 Internal Server Error")
    damaged, empty = faults.take("container-archive-damaged"), faults.take("container-archive-empty")

    def work() -> dict[str, Any]:
        answer = root.get(request.query.get("path", "/"))
        data = answer["data"]
        return {
            **answer,
            "data": data[: len(data) // 8 * 4] if damaged is not None else "" if empty is not None else data,
        }

    return _later(work)


def logs(request: Request, reference: str) -> Reply:
    return Reply(200, request.state.root_of(_find(request, reference)).log.read_text(errors="replace"), as_json=True)


def delete(request: Request, reference: str) -> Reply:
    one = _find(request, reference)
    if (
        one.status == "Running"
        and request.query.get("force", "False") != "True"
        and request.query.get("stop", "False") != "True"
    ):
        raise Refusal(409, f"Cannot delete container {one.uuid} in Running state.")
    if request.state.faults.take("container-delete-ignored") is None:
        request.state.drop_container(one)
    return Reply(204)


SERVICE = Service(
    "zun",
    9517,
    (
        ("POST", r"/v1/containers/?", create),
        ("GET", r"/v1/containers/?", list_all),
        ("GET", r"/v1/containers/([^/]+)", show),
        ("POST", r"/v1/containers/([^/]+)/execute", execute),
        ("POST", r"/v1/containers/([^/]+)/put_archive", put_archive),
        ("GET", r"/v1/containers/([^/]+)/get_archive", get_archive),
        ("GET", r"/v1/containers/([^/]+)/logs", logs),
        ("DELETE", r"/v1/containers/([^/]+)", delete),
    ),
    error,
    headers=lambda request: {"OpenStack-API-Version": "container 1.41"},
)
