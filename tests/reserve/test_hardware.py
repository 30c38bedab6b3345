"""The table of hardware: a block must fit the site's longest lease, and every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from reserve import hardware
from snippets.errors import UsageError

NODE = """
[x]
site = "CHI@UC"
part = "model"
kind = "node"
node_type = "t"
image = "i"
flavor = "f"
user = "cc"
network = "n"
end_margin_minutes = 10
"""


def loaded(tmp_path: Path, *lines: str) -> hardware.Hardware:
    path = tmp_path / "hardware.toml"
    path.write_text("\n".join([NODE, *lines]))
    return hardware.load(path)["x"]


def test_a_block_may_be_as_long_as_the_longest_lease_and_no_longer(tmp_path: Path) -> None:
    assert loaded(tmp_path, "block_hours = 24", "max_lease_days = 1").block_hours == 24
    with pytest.raises(UsageError, match=r"\[x\] a block of 25 h does not fit max_lease_days"):
        loaded(tmp_path, "block_hours = 25", "max_lease_days = 1")
    with pytest.raises(UsageError, match="does not fit max_lease_days"):
        loaded(tmp_path, "block_hours = 1", "max_lease_days = 0")


def test_without_a_limit_a_lease_lasts_a_week(tmp_path: Path) -> None:
    assert loaded(tmp_path, "block_hours = 168").max_lease_days == 7
    with pytest.raises(UsageError, match="a block of 169 h"):
        loaded(tmp_path, "block_hours = 169")


def test_what_a_reservation_asks_for_is_the_node_type_or_the_devices_name(tmp_path: Path) -> None:
    assert loaded(tmp_path, "block_hours = 3").type_name == "t"
    device = NODE.replace('"node"', '"device"') + 'machine_name = "pi"\ncontainer_image = "c"\nblock_hours = 2\n'
    (tmp_path / "device.toml").write_text(device)
    assert hardware.load(tmp_path / "device.toml")["x"].type_name == "pi"


def test_a_part_without_hardware_names_the_parts_that_have_some(tmp_path: Path) -> None:
    loaded(tmp_path, "block_hours = 3")
    assert [each.key for each in hardware.for_part("model", tmp_path / "hardware.toml")] == ["x"]
    with pytest.raises(UsageError, match="no hardware for part 'edge' .*parts: model"):
        hardware.for_part("edge", tmp_path / "hardware.toml")
