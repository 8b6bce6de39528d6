"""Prices and interruption bands of instance types.

On-Demand: a mapping of type to dollars an hour, of one region. Spot: the file of AWS' Spot Instance advisor,
which has for each region and type the saving over On-Demand (%) and the band of the share of instances
interrupted in a month.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from eddyline.fleet.catalogue.files import read_json, wrong_file
from eddyline.fleet.catalogue.instance_types import MAX_TYPES
from eddyline.fleet.instance_types import TYPE_PATTERN

BANDS = ("<5%", "5-10%", "10-15%", "15-20%", ">20%")
"""Share of instances interrupted in a month, by the number of the band in the advisor's file."""
_MAX_PRICE = 10_000.0  # dollars an hour


@dataclass(frozen=True, kw_only=True)
class Advice:
    """The Spot advisor on one type: `saving` over On-Demand (0 to 1) and `band`, an index of `BANDS`."""

    saving: float
    band: int


def read_on_demand_prices(path: Path) -> dict[str, float]:
    """Dollars an hour by type; raises `UsageError` unless every value is a price."""
    plain = read_json(path)
    if not isinstance(plain, Mapping) or not 0 < len(plain) <= MAX_TYPES:
        raise wrong_file(path, "expected a mapping of instance types to dollars an hour")
    for name, price in plain.items():
        if not re.match(TYPE_PATTERN, name):
            raise wrong_file(path, f"{name!r} is not an instance type")
        if not _is_number(price) or not 0 < price <= _MAX_PRICE:
            raise wrong_file(path, f"{name}: {str(price)[:40]!r} is not a price in dollars an hour")
    return {name: float(price) for name, price in plain.items()}


def read_spot_advice(path: Path, region: str) -> dict[str, Advice]:
    """The advice on Linux in `region`, by type; raises `UsageError` if the file has none for it."""
    plain = read_json(path)
    regions = plain.get("spot_advisor") if isinstance(plain, Mapping) else None
    if not isinstance(regions, Mapping):
        raise wrong_file(path, "expected the file of the Spot Instance advisor, with the key spot_advisor")
    found = regions.get(region)
    types = found.get("Linux") if isinstance(found, Mapping) else None
    if not isinstance(types, Mapping) or len(types) > MAX_TYPES:
        known = ", ".join(sorted(str(each) for each in regions)[:40])
        raise wrong_file(path, f"no Linux prices for region {region}; it has {known}")
    return {str(name)[:60]: _advice(path, name, each) for name, each in types.items()}


def _advice(path: Path, name: object, plain: Any) -> Advice:  # noqa: ANN401 - any JSON value
    saving, band = (plain.get("s"), plain.get("r")) if isinstance(plain, Mapping) else (None, None)
    if not _is_number(saving) or not 0 <= saving < 100:  # noqa: PLR2004 - percent
        raise wrong_file(path, f"{str(name)[:60]}: the saving s is not a percentage")
    if not isinstance(band, int) or isinstance(band, bool) or not 0 <= band < len(BANDS):
        raise wrong_file(path, f"{str(name)[:60]}: the band r is not a number from 0 to {len(BANDS) - 1}")
    return Advice(saving=saving / 100, band=band)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
