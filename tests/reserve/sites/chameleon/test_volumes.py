"""Disks to boot from: one a node, on record before it is asked for, waited for, and no other's touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve import hardware
from reserve.clock import Clock
from reserve.errors import Faulted, Quota, SiteUnreachable
from reserve.journal import Journal
from reserve.sites.chameleon.rest import Gone
from reserve.sites.chameleon.volumes import Volumes, disk_name
from tests.reserve.sites.chameleon.fake_rest import FakeRest

KIND = hardware.load()["kvm_h100"]
NODE = "node-serve-model-ab123"
ALL, MAKE, ONE, DELETE = "GET /volumes/detail", "POST /volumes", "GET /volumes/v", "DELETE /volumes/v"


class NoWait(Clock):
    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing is to be waited for here")


@pytest.fixture
def rest() -> FakeRest:
    rest = FakeRest()
    rest.answers = {ALL: {"volumes": []}, MAKE: {"volume": {"id": "v"}}, ONE: {"volume": {"status": "available"}}}
    return rest


def ready(rest: FakeRest, folder: Path) -> tuple[str, Journal]:
    journal = Journal(folder)
    volumes = Volumes("KVM@TACC", rest, "me")  # type: ignore[arg-type]
    return volumes.ready(NODE, KIND, "image", journal, NoWait()), journal


def row(id: str, name: str = NODE, status: str = "available", user: str = "me") -> dict[str, str]:
    return {"id": id, "name": disk_name(name), "status": status, "user_id": user}


def test_a_disk_is_made_from_the_image_and_is_on_record(rest: FakeRest, tmp_path: Path) -> None:
    found, journal = ready(rest, tmp_path)
    (entry,) = journal.open_entries(kind="volume")
    assert found == entry.id == "v" and entry.name == NODE
    wish = {"name": "boot-node-serve-model-ab123", "size": KIND.boot_volume_gb, "imageRef": "image"}
    assert (MAKE, {"volume": wish}) in rest.asked


def test_a_disk_that_an_earlier_command_made_is_used(rest: FakeRest, tmp_path: Path) -> None:
    others = [row("theirs", user="you"), row("other", name="node-serve-model-x"), row("busy", status="in-use")]
    rest.answers[ALL] = {"volumes": [*others, {**row("mine"), "name": "notes"}, row("v")]}
    assert ready(rest, tmp_path)[0] == "v" and MAKE not in [words for words, _ in rest.asked]


def test_a_disk_whose_answer_was_lost_is_found_by_its_name(rest: FakeRest, tmp_path: Path) -> None:
    rest.answers[MAKE] = SiteUnreachable("silence")
    with pytest.raises(SiteUnreachable, match="silence"):
        ready(rest, tmp_path)
    assert Journal(tmp_path).open_entries() == []
    rest.answers[ALL] = {"volumes": [row("v")]}
    assert ready(rest, tmp_path)[0] == "v"


@pytest.mark.parametrize(
    ("answers", "error", "says"),
    [
        ({MAKE: Quota("no more")}, Quota, "no more"),
        ({ONE: {"volume": {"status": "error"}}}, Faulted, "state error.*servelab down model"),
        ({ONE: Gone("unknown")}, Faulted, "state gone"),
        ({ALL: {}}, SiteUnreachable, "no list of volumes"),
        ({MAKE: {}}, SiteUnreachable, "no volume"),
    ],
)
def test_what_goes_wrong_is_told(rest: FakeRest, tmp_path: Path, answers, error, says: str) -> None:
    rest.answers |= answers
    with pytest.raises(error, match=says):
        ready(rest, tmp_path)


def test_a_disk_that_goes_by_itself_is_not_deleted_twice(rest: FakeRest) -> None:
    volumes = Volumes("KVM@TACC", rest, "me")  # type: ignore[arg-type]
    rest.answers[DELETE] = None
    for status, deletes in (("available", True), ("deleting", False), ("in-use", True)):
        rest.answers[ONE] = {"volume": {"status": status}}
        rest.asked.clear()
        volumes.delete("v")
        assert (DELETE in [words for words, _ in rest.asked]) == deletes
    rest.answers[ONE] = Gone("unknown")
    volumes.delete("v")
    assert not volumes.exists("v")
