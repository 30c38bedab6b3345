"""Unmodified python-chi against the emulator, and the same session against a real OpenStack (`-m openstack`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .emulator import Emulator

ROOT = Path(__file__).resolve().parents[2]
pytest.importorskip("blazarclient")


def run(arguments: list[str], env: dict[str, str], folder: Path = ROOT, timeout_s: float = 200) -> Any:
    """python-chi reads the environment when it is imported: a process of its own, with no other OS_*."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**clean, **env},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def check(seen: dict[str, Any]) -> None:
    assert seen["nodes"] == [["p100-01", True], ["p100-02", True]]
    assert (seen["lease"], seen["server"], seen["both"]) == ("ACTIVE", "ACTIVE", "ACTIVE")
    assert len(seen["fixed"]) == 1 and seen["floating"].count(".") == 3
    assert seen["refused"]["status"] == 500 and seen["refused"]["message"].startswith("ERROR: Not enough ")
    assert seen["leases"] == ["scenario"] and seen["by-name"] is True
    assert seen["left"] == 0


def test_a_student_session_on_the_emulator() -> None:
    with Emulator() as emulator:
        check(run(["-m", "tests.chameleon.scenario"], emulator.env()))
        emulator.assert_empty()
        refused = [row for row in emulator.state.requests if row[4] >= 400]
        assert {(row[1], row[2], row[4]) for row in refused} == {
            ("blazar", "POST", 500),
            ("nova", "GET", 404),
            ("blazar", "GET", 404),
        }, refused


EDGE = """
import json, os, chi
from chi import container, hardware, lease
chi.use_site("CHI@Edge")
base = chi.session().get_endpoint(service_type="reservation")
get = lambda path: chi.session().get(base + path, timeout=10).json()
seen = {"devices": [each["name"] for each in get("/devices")["devices"]]}
seen["free"] = [each["reservations"] for each in get("/devices/allocations")["allocations"]]
wanted = lease.Lease("edge", duration=__import__("datetime").timedelta(hours=2))
wanted.add_device_reservation(amount=1, machine_type="raspberrypi5")
wanted.submit(wait_for_active=False)
seen["kinds"] = [each["resource_type"] for each in wanted.device_reservations]
try:
    hardware.get_devices()
except AttributeError as error:
    seen["get_devices"] = str(error)
while wanted.status != "ACTIVE":
    pass
zun = chi.session().get_endpoint(service_type="container")
body = {"name": "edge", "image": "python:3.11", "hints": {"reservation": wanted.device_reservations[0]["id"]},
        "command": ["sh", "-c", "echo started; exec sleep 600"]}
seen["none"] = container.get_container("edge")
chi.session().post(zun + "/containers", json=body)
while (one := container.get_container("edge")).status != "Running":
    pass
seen["listed"] = [each.name for each in container.list_containers()]
seen["execute"] = one.execute("echo hi")
open("there.txt", "w").write("content")
one.upload("there.txt", "/tmp")
seen["uploaded"] = one.execute("cat /tmp/there.txt")[0]
one.download("/tmp", "back")  # a file alone comes back empty
seen["downloaded"] = [name for name in os.listdir("back") if name == "there.txt"]
seen["logs"] = one.logs()
one.delete()
seen["deleted"] = container.get_container("edge")
wanted.delete()
chi.use_site("CHI@UC")
seen["uc"] = [(each.name, each.type) for each in hardware.get_nodes()]
seen["projects"] = chi.context.list_projects()
for name in ("OS_USERNAME", "OS_PASSWORD", "OS_USER_DOMAIN_NAME", "OS_PROJECT_NAME", "OS_PROJECT_DOMAIN_NAME"):
    del os.environ[name]
os.environ.update(json.loads(os.environ["APPLICATION_CREDENTIAL"]))
chi.context.reset()
seen["hosts"] = len(chi.blazar().host.list())
print(json.dumps(seen))
"""


def test_devices_and_containers_through_python_chis_session_and_an_application_credential(tmp_path: Path) -> None:
    with Emulator() as emulator:
        other = json.dumps(emulator.env(auth="application_credential"))
        seen = run(["-c", EDGE], {**emulator.env("CHI@Edge"), "APPLICATION_CREDENTIAL": other}, tmp_path)
        emulator.assert_empty()
    assert seen["devices"] == ["rpi5-1", "rpi5-2"] and seen["free"] == [[], []]
    assert seen["kinds"] == ["device"]
    assert seen["none"] is None and seen["deleted"] is None and seen["listed"] == ["edge"]
    assert seen["execute"] == ["hi\n", "0"]
    assert (seen["uploaded"], seen["downloaded"], seen["logs"]) == ("content", ["there.txt"], "started\n")
    assert "device" in seen.get("get_devices", "device")  # PyPI's blazarclient has no devices, Chameleon's has
    assert seen["uc"] == [["gigaio01", "compute_gigaio"]]
    assert seen["projects"] == ["CHI-course"]
    assert seen["hosts"] == 6


@pytest.mark.openstack
def test_a_student_session_on_a_real_openstack() -> None:
    """Needs the OS_* and CHI_RESOURCE_API_URL of a cloud that this test may use."""
    if "OS_AUTH_URL" not in os.environ:
        pytest.skip("no OS_AUTH_URL")
    env = {key: value for key, value in os.environ.items() if key.startswith("OS_")}
    check(run(["-m", "tests.chameleon.scenario"], env))
