"""Records prices of machines in the ledger, so that the Spot dashboard knows what Spot saved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from eddyline.core.errors import UsageError
from eddyline.fleet.catalogue.files import read_json, wrong_file
from eddyline.fleet.catalogue.prices import read_on_demand_prices
from eddyline.fleet.record.spot_prices import SpotPrices, parse_spot_prices
from eddyline.graph.instance import SPOT
from eddyline.graph.ledger.fleet import prices
from eddyline.graph.ledger.fleet.prices import Price
from eddyline.graph.ledger.ledger import Ledger

_BATCH = 5000
EVERY_S = 3600.0
"""How often coordinators read the Spot prices."""
_LOOK_BACK_S = 90 * 86_400.0  # of a type that is new in the record: as long as Amazon EC2 keeps prices

ReadHistory = Callable[[Collection[str], float, float], SpotPrices]
"""The Spot prices of some types between two times, from the ones in effect at the first."""


@dataclass(frozen=True, kw_only=True)
class ImportedPrices:
    """How many prices files had: On-Demand prices of types, and changes of Spot prices."""

    on_demand: int
    spot: int


def import_prices(ledger: Ledger, *, on_demand: Path | None, spot: Path | None) -> ImportedPrices:
    """Record the prices of files. Raises `UsageError` for an invalid file, or without any."""
    if on_demand is None and spot is None:
        raise UsageError("no file of prices is specified", remedy="pass --prices FILE or --spot-prices FILE")
    found: list[Price] = []
    if on_demand is not None:
        hourly = read_on_demand_prices(on_demand)
        found += [
            Price(instance_type=name, zone="", at=ledger.now(), usd_per_hour=price)
            for name, price in hourly.items()
        ]
    changes: list[Price] = []
    if spot is not None:
        try:
            changes = list(_changes(parse_spot_prices(read_json(spot))))
        except ValueError as error:
            raise wrong_file(spot, str(error)) from error
    _add(ledger, [*found, *changes])
    return ImportedPrices(on_demand=len(found), spot=len(changes))


def record_spot_prices(ledger: Ledger, read: ReadHistory, *, also: Collection[str] = ()) -> int:
    """Record the changes of the Spot prices of the types that run on Spot, and `also` of these.

    Returns how many were read.

    Raises `LedgerError`, `ServiceError` and `AccessError`.
    """
    now = ledger.now()
    types = {each.instance_type for each in ledger.fleet.running() if each.lifecycle == SPOT} | set(also)
    newest: dict[str, float] = {}
    for price in ledger.read(lambda connection: prices.find(connection, now)):
        if price.zone:
            newest[price.instance_type] = max(newest.get(price.instance_type, 0.0), price.at)
    known = {name for name in types if name in newest}
    found: list[Price] = []
    # A known type is read from its last change on; the price in effect then comes again, and is kept.
    for chosen, start in (
        (known, min((newest[name] for name in known), default=now)),
        (types - known - {""}, now - _LOOK_BACK_S),
    ):
        if chosen:
            found += _changes(read(chosen, max(start, now - _LOOK_BACK_S), now))
    _add(ledger, found)
    return len(found)


def _changes(history: SpotPrices) -> Iterator[Price]:
    for (instance_type, zone), changes in history.changes.items():
        for at, usd_per_hour in changes:
            if instance_type and zone:
                yield Price(instance_type=instance_type, zone=zone, at=at, usd_per_hour=usd_per_hour)


def _add(ledger: Ledger, found: Sequence[Price]) -> None:
    left = iter(found)
    while batch := list(islice(left, _BATCH)):
        ledger.write(_adding(batch))


def _adding(batch: Sequence[Price]) -> Callable[[Connection], None]:
    return lambda connection: prices.add(connection, batch)
