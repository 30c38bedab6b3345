"""A board's readings from a made-up /sys and vcgencmd, and honest absence where there are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from snippets.edge.board import Board, Reading


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def vcgencmd(**answers: str):
    return lambda *arguments: answers.get("_".join(arguments))


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    """The files of a Raspberry Pi 5."""
    write(tmp_path, "proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "61850\n")
    for core in range(4):
        write(tmp_path, f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq", f"{1500000 + core * 300000}\n")
    return tmp_path


def test_a_raspberry_pi_is_read_from_its_files(pi: Path) -> None:
    board = Board(pi, lambda *_: None)
    assert board.model() == "Raspberry Pi 5 Model B Rev 1.0"
    assert board.temperature_c() == Reading(61.85)
    assert board.clock_mhz() == Reading(2400.0)


def test_throttle_bits_are_named_now_and_ever(pi: Path) -> None:
    told = Board(pi, vcgencmd(get_throttled="throttled=0xd0004")).throttling()
    assert told.now == ("throttled",)
    assert told.ever == ("under-voltage", "throttled", "soft temperature limit")
    write(pi, "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled", "2\n")
    assert Board(pi, lambda *_: None).throttling().now == ("clock capped",)
    assert Board(pi, lambda *_: None).throttling().ever == ()


def test_power_is_the_sum_over_rails_that_have_both_current_and_voltage(pi: Path) -> None:
    text = (
        "     3V3_SYS_A current(1)=0.10000000A\n VDD_CORE_A current(7)=2.00000000A\n"
        "     3V3_SYS_V volt(9)=3.30000000V\n VDD_CORE_V volt(15)=0.90000000V\n EXT5V_V volt(24)=5.10000000V"
    )
    assert Board(pi, vcgencmd(pmic_read_adc=text)).power_w().value == pytest.approx(0.33 + 1.8)


def test_vcgencmd_helps_where_files_are_hidden(tmp_path: Path) -> None:
    board = Board(tmp_path, vcgencmd(measure_temp="temp=48.3'C", measure_clock_arm="frequency(0)=2400033792"))
    assert board.temperature_c() == Reading(48.3)
    assert board.clock_mhz().value == pytest.approx(2400.03, abs=0.01)


def test_what_is_not_told_is_absent_with_a_reason(tmp_path: Path) -> None:
    board = Board(tmp_path, lambda *_: None)
    for reading in (board.temperature_c(), board.clock_mhz(), board.power_w()):
        assert reading.value is None and reading.reason
    assert board.throttling().now is None and board.throttling().reason
    assert board.model() == ""


def test_a_processor_zone_is_preferred_and_broken_zones_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/thermal/thermal_zone0/type", "iwlwifi\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "33000\n")
    write(tmp_path, "sys/class/thermal/thermal_zone1/type", "cpu-thermal\n")
    assert Board(tmp_path, lambda *_: None).temperature_c() == Reading(33.0)
    write(tmp_path, "sys/class/thermal/thermal_zone1/temp", "-5000\n")
    assert Board(tmp_path, lambda *_: None).temperature_c() == Reading(-5.0)


def test_the_clock_in_cpuinfo_stands_in(tmp_path: Path) -> None:
    write(tmp_path, "proc/cpuinfo", "processor\t: 0\ncpu MHz\t\t: 2445.432\nprocessor\t: 1\ncpu MHz\t\t: 1800.0\n")
    assert Board(tmp_path, lambda *_: None).clock_mhz() == Reading(2445.432)
