"""The table of hardware: a block must fit the site's longest lease, and every mistake is named."""

from __future__ import annotations

import re
import tomllib
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
    (tmp_path / "device.toml").write_text(device.replace('network = "n"\n', ""))
    assert hardware.load(tmp_path / "device.toml")["x"].type_name == "pi"
    (tmp_path / "device.toml").write_text(device)
    with pytest.raises(UsageError, match="network is for kind node or vm, not for device"):
        hardware.load(tmp_path / "device.toml")


def test_a_part_without_hardware_names_the_parts_that_have_some(tmp_path: Path) -> None:
    loaded(tmp_path, "block_hours = 3")
    assert [each.key for each in hardware.for_part("model", tmp_path / "hardware.toml")] == ["x"]
    with pytest.raises(UsageError, match="no hardware for part 'edge' .*parts: model"):
        hardware.for_part("edge", tmp_path / "hardware.toml")


def test_hardware_that_is_not_offered_is_known_and_left_out(tmp_path: Path) -> None:
    other = NODE.replace("[x]", "[y]") + "block_hours = 3\noffered = false\n"
    (tmp_path / "two.toml").write_text(NODE + "block_hours = 3\n" + other)
    assert list(hardware.load(tmp_path / "two.toml")) == ["x", "y"]
    assert [each.key for each in hardware.for_part("model", tmp_path / "two.toml")] == ["x"]


def test_the_nodes_of_2026_are_known_and_offered_by_a_line() -> None:
    table = hardware.load()
    off = {key for key, one in table.items() if not one.offered}
    assert off == {"gpu_mi100", "gpu_h100", "kvm_h100", "kvm_h100_slice"}
    assert (table["kvm_h100"].type_name, table["kvm_h100"].by_ssh) == ("g1.h100.pci.1", True)
    assert table["gpu_mi100"].image.endswith("ROCm") and "onnxruntime-rocm" in table["gpu_mi100"].wheels[0]
    fitting = tomllib.loads((Path(hardware.__file__).parents[1] / "grading/checks/bounds.toml").read_text())["parts"]
    for one in table.values():
        gpu = one.expected.get("gpu") or one.expected["cpu"]
        assert fitting[one.part]["node_types"][one.type_name] == gpu, "a record from it would not be called plausible"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("boot_volume_gb = 40", "boot_volume_gb is for kind vm, not for node"),
        ('kind = "pod"', 'kind is "node", "vm" or "device"'),
    ],
)
def test_a_setting_that_its_kind_does_not_have_is_refused(tmp_path: Path, lines: str, says: str) -> None:
    table = NODE.replace('kind = "node"\n', "") if "kind" in lines else NODE
    with pytest.raises(UsageError, match=says):
        loaded_text(tmp_path, table + f"block_hours = 3\n{lines}\n")


def test_a_virtual_machine_needs_a_flavor_and_a_whole_size(tmp_path: Path) -> None:
    vm = re.sub("node_type.*\n", "", NODE.replace('"node"', '"vm"')) + "block_hours = 3\n"
    assert loaded_text(tmp_path, vm).type_name == "f"
    with pytest.raises(UsageError, match="lacks flavor"):
        loaded_text(tmp_path, re.sub("flavor.*\n", "", vm))
    for size in ("-1", "1.5", "true", '"40"'):
        with pytest.raises(UsageError, match="boot_volume_gb is a whole number of GB"):
            loaded_text(tmp_path, vm + f"boot_volume_gb = {size}\n")


def loaded_text(folder: Path, text: str) -> hardware.Hardware:
    (folder / "text.toml").write_text(text)
    return hardware.load(folder / "text.toml")["x"]
