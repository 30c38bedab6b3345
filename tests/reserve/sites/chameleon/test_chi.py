"""The one module that knows python-chi: what it asks Blazar for, and where its list of sites is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reserve import hardware
from reserve.site import LeaseSpec
from reserve.sites.chameleon import chi

START = datetime(2027, 3, 4, 15, tzinfo=UTC)
TABLE = hardware.load()


def spec(key: str, node: str = "") -> LeaseSpec:
    return LeaseSpec("serve_x_ab123", TABLE[key], START, START + timedelta(hours=2), node)


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        (spec("gpu_p100"), "physical:host", ["$node_type", "gpu_p100"]),
        (spec("gpu_p100", "p100-02"), "physical:host", ["$node_name", "p100-02"]),
        (spec("raspberrypi5"), "device", ["$machine_name", "raspberrypi5"]),
        (spec("raspberrypi5", "rpi5-01"), "device", ["$name", "rpi5-01"]),
    ],
    ids=["a node", "a named node", "a device", "a named device"],
)
def test_one_node_or_device_is_asked_for_by_type_or_by_name(asked: LeaseSpec, kind: str, words: list[str]) -> None:
    (one,) = chi.reservations(asked)
    assert one["resource_type"] == kind
    assert all(word in one["resource_properties"] for word in words)
    assert {int(one[key]) for key in ("min", "max") if key in one} <= {1}


def test_the_list_of_sites_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHI_RESOURCE_API_URL", raising=False)
    assert chi.address() == "https://api.chameleoncloud.org"
    monkeypatch.setenv("CHI_RESOURCE_API_URL", "http://127.0.0.1:1")
    assert chi.address() == "http://127.0.0.1:1"


def test_a_python_chi_that_has_renamed_its_internals_is_still_taken(monkeypatch) -> None:
    """The JupyterHub's python-chi is unpinned: what is patched in ours need not be there."""
    from chi import context

    for name in ("requests", "_auth_plugins", "RESOURCE_API_URL"):
        monkeypatch.delattr(context, name)
    assert chi.reservations(spec("gpu_p100"))
