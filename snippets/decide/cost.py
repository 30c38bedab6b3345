"""What a million predictions cost, from a measured throughput and an editable table of prices."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snippets.course import laid_over, own_name, own_table
from snippets.errors import UsageError

OWN_TABLE = "prices.toml"
PRICES = Path(__file__).parent / "prices.toml"
MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """Prices in `currency`; `utilization` is the share of rented time that is spent answering (0 to 1)."""

    currency: str
    utilization: float
    per_core_hour: float
    per_gpu_hour: float
    per_gb_delivered: float
    predictions_per_download: float
    note: str = ""


def load_prices(path: str | os.PathLike[str] = "") -> Prices:
    """The table of prices: the one at `path`, else the kit's with the course's own laid over it. UsageError names the
    file and what is wrong in it."""
    file: Path | str = Path(path) if path else PRICES
    try:
        table = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The price table {file} cannot be read ({error.strerror}). Check the path.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The price table {file} is not valid TOML: {error}. Correct that line.") from error
    if not path and (own := own_table(OWN_TABLE)):
        file = own_name(OWN_TABLE)
        _check_known(own, table, file)
        table = laid_over(table, own)
    places = {
        "utilization": (),
        "per_core_hour": ("server-cpu",),
        "per_gpu_hour": ("server-gpu",),
        "per_gb_delivered": ("device",),
        "predictions_per_download": ("device",),
    }
    numbers: dict[str, float] = {}
    for name, place in places.items():
        value = (table.get(place[0], {}) if place else table).get(name)
        where = f"[{place[0]}] {name}" if place else name
        if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
            raise UsageError(f"{file}: {where} is {value!r}; it must be a number, zero or more.")
        numbers[name] = float(value)
    if not 0 < numbers["utilization"] <= 1 or numbers["predictions_per_download"] < 1:
        raise UsageError(f"{file}: utilization must be above 0 and at most 1, predictions_per_download at least 1.")
    return Prices(currency=str(table.get("currency", "")), note=str(table.get("note", "")), **numbers)


def _check_known(own: Mapping[str, Any], table: Mapping[str, Any], where: str) -> None:
    """Raise UsageError for a price of the course's table that the kit does not reckon with."""
    for name, value in own.items():
        if name not in table:
            raise UsageError(f"{where}: there is no {name!r}; the kit's prices.toml has {', '.join(table)}.")
        if isinstance(table[name], Mapping):
            if not isinstance(value, Mapping):
                raise UsageError(f"{where}: {name} is a table, [{name}], not {value!r}.")
            _check_known(value, table[name], f"{where}: [{name}]")


def per_million(images_per_s: float, per_hour: float, utilization: float) -> float:
    """Cost of a million predictions on what is rented for `per_hour` and manages `images_per_s` when busy, which it is
    for the share `utilization` of the time. ValueError for no throughput."""
    if images_per_s <= 0:
        raise ValueError("throughput must be above zero images per second")
    return MILLION / (images_per_s * utilization) / 3600.0 * per_hour


def per_million_cpu(images_per_s: float, cores: int, prices: Prices) -> float:
    """Cost of a million predictions on `cores` rented cores that manage `images_per_s` when busy."""
    return per_million(images_per_s, cores * prices.per_core_hour, prices.utilization)


def per_million_gpu(images_per_s: float, gpus: int, prices: Prices) -> float:
    """Cost of a million predictions on `gpus` rented GPUs that manage `images_per_s` together when busy."""
    return per_million(images_per_s, gpus * prices.per_gpu_hour, prices.utilization)


def per_million_device(size_bytes: int, prices: Prices) -> float:
    """Cost to us of a million predictions on users' devices: delivering the model, shared by its predictions."""
    downloads = MILLION / prices.predictions_per_download
    return downloads * size_bytes / 1e9 * prices.per_gb_delivered
