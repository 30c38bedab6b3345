"""What a board says of itself: temperature, clock, throttling and power; each a value or the reason why there is none.

Linux shows temperature and clock under /sys; Raspberry Pi's firmware tells the rest through `vcgencmd` (documented in
the Raspberry Pi OS documentation, "vcgencmd") or its `get_throttled` file. In a container some of these may be hidden.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Thermal zones by the chip's own sensor, best first; any other zone stands in.
CPU_ZONES = ("cpu-thermal", "cpu_thermal", "x86_pkg_temp", "soc-thermal", "soc_thermal", "acpitz")
# Bits of `vcgencmd get_throttled` that say what is happening now; each has its "has happened" twin 16 bits higher.
THROTTLE_BITS = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}
VCGENCMD_LIMIT_S = 2.0


@dataclass(frozen=True)
class Reading:
    """One quantity: its `value`, or None and the `reason` why the board does not tell it."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True)
class Throttling:
    """What slows the processor now and has since it was switched on; None and a `reason` where unknown."""

    now: tuple[str, ...] | None
    ever: tuple[str, ...] | None
    reason: str = ""


class Board:
    """Reads one board. `root` is the root of its file system, and `vcgencmd` runs the tool of that name."""

    def __init__(self, root: Path | str = "/", vcgencmd: Callable[..., str | None] | None = None) -> None:
        self._root = Path(root)
        self._vcgencmd = vcgencmd or run_vcgencmd
        self._zone = self._find_zone()
        self._clocks = sorted(self._root.glob("sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq"))
        self._throttle_files = sorted(self._root.glob("sys/devices/platform/soc*/*firmware/get_throttled"))

    def model(self) -> str:
        """The board's own name (Raspberry Pi and other device-tree machines), or empty."""
        return _read(self._root / "proc/device-tree/model").rstrip("\0\n ")

    def temperature_c(self) -> Reading:
        """The processor's temperature in degrees Celsius."""
        if self._zone is not None and (text := _read(self._zone / "temp")).lstrip("-").isdigit():
            return Reading(int(text) / 1000)
        told = self._vcgencmd("measure_temp")
        if told and (match := re.fullmatch(r"temp=(-?[\d.]+)'C", told)):
            return Reading(float(match[1]))
        return Reading(None, "no readable thermal zone in /sys/class/thermal and no vcgencmd")

    def clock_mhz(self) -> Reading:
        """The fastest core's clock at this moment in MHz."""
        values = [int(text) for path in self._clocks if (text := _read(path)).isdigit()]
        if values:
            return Reading(max(values) / 1000)
        told = self._vcgencmd("measure_clock", "arm")
        if told and (match := re.fullmatch(r"frequency\(\d+\)=(\d+)", told)):
            return Reading(int(match[1]) / 1e6)
        values_mhz = re.findall(r"^cpu MHz\s*:\s*([\d.]+)$", _read(self._root / "proc/cpuinfo"), re.MULTILINE)
        if values_mhz:
            return Reading(max(map(float, values_mhz)))
        return Reading(None, "no cpufreq in /sys, no vcgencmd and no clock in /proc/cpuinfo")

    def throttling(self) -> Throttling:
        """What limits the clock now, and what has since power-on (Raspberry Pi firmware only)."""
        for path in self._throttle_files:
            if text := _read(path):
                return _throttling(int(text, 16))
        told = self._vcgencmd("get_throttled")
        if told and (match := re.fullmatch(r"throttled=(0x[0-9a-fA-F]+)", told)):
            return _throttling(int(match[1], 16))
        return Throttling(None, None, "only a Raspberry Pi's firmware tells (get_throttled), which is not found here")

    def power_w(self) -> Reading:
        """The power that the board's regulators deliver, in watts (Raspberry Pi 5: sum over its rails).

        Left out are the supply's own losses and whatever hangs on USB.
        """
        told = self._vcgencmd("pmic_read_adc") or ""
        rails: dict[str, dict[str, float]] = {}
        for rail, kind, value in re.findall(r"(\S+)_([AV]) (?:current|volt)\(\d+\)=([\d.]+)[AV]", told):
            rails.setdefault(rail, {})[kind] = float(value)
        powers = [rail["A"] * rail["V"] for rail in rails.values() if len(rail) == 2]
        if powers:
            return Reading(sum(powers))
        return Reading(None, "only a Raspberry Pi 5 tells (vcgencmd pmic_read_adc)")

    def _find_zone(self) -> Path | None:
        zones = {_read(path / "type"): path for path in sorted(self._root.glob("sys/class/thermal/thermal_zone*"))}
        readable = {kind: path for kind, path in zones.items() if _read(path / "temp")}
        named = [readable[kind] for kind in CPU_ZONES if kind in readable]
        return next(iter([*named, *readable.values()]), None)


def run_vcgencmd(*arguments: str) -> str | None:
    """What `vcgencmd ARGUMENTS` prints, or None where it is missing or fails."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=VCGENCMD_LIMIT_S, check=True
        )
    except (subprocess.SubprocessError, OSError):
        return None
    return done.stdout.strip()


def _throttling(bits: int) -> Throttling:
    def names(shift: int) -> tuple[str, ...]:
        return tuple(name for bit, name in THROTTLE_BITS.items() if bits >> (bit + shift) & 1)

    return Throttling(names(0), names(16))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
