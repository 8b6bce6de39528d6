"""The prices that accounts use: those of the ledger, or of files that replace them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Connection

from eddyline.config import Settings
from eddyline.core.errors import UsageError
from eddyline.fleet.accounts.money import MAX_USD_PER_HOUR, nanos_of
from eddyline.fleet.accounts.price_list import PriceList, price_list
from eddyline.fleet.catalogue.files import read_json, wrong_file
from eddyline.fleet.catalogue.prices import read_on_demand_prices
from eddyline.fleet.record.spot_prices import parse_spot_prices
from eddyline.graph.ledger.fleet import prices

LEDGER = "the ledger (eddyline fleet prices)"
"""The name of the prices in the table `fleet_prices`."""

_Row = tuple[str, str, float, float]


@dataclass(frozen=True, kw_only=True)
class PriceOptions:
    """Files that replace the prices of the ledger (None: those of the ledger), and the price of a machine.

    `machine_usd_per_hour` is that of a machine outside EC2, None: not known; `machine_name` says where it
    was given.
    """

    on_demand: Path | None = None
    spot: Path | None = None
    machine_usd_per_hour: float | None = None
    machine_name: str = ""
    _rows: dict[Path, list[_Row]] = field(default_factory=dict, init=False, repr=False)

    def with_settings(self, settings: Settings) -> PriceOptions:
        """The options with the price of a machine of the settings, unless they have one."""
        if self.machine_usd_per_hour is not None or settings.machine_price is None:
            return self
        return replace(
            self, machine_usd_per_hour=settings.machine_price, machine_name="EDDYLINE_MACHINE_PRICE"
        )

    @property
    def machine_nanos(self) -> int | None:
        """The price of a machine in nano-dollars an hour. Raises `UsageError` for one out of range."""
        usd = self.machine_usd_per_hour
        if usd is None:
            return None
        if not 0 <= usd <= MAX_USD_PER_HOUR:
            raise UsageError(
                f"{self.machine_name} is not a price in dollars an hour",
                remedy=f"pass a number from 0 to {MAX_USD_PER_HOUR:,.0f}",
            )
        return nanos_of(usd)

    def read(self) -> None:
        """Read the files. Raises `UsageError` for an invalid one."""
        if self.on_demand is not None:
            # The format has no date: the file's own date is the best known.
            at = self.on_demand.stat().st_mtime if self.on_demand.exists() else 0.0
            hourly = read_on_demand_prices(self.on_demand)
            self._rows[self.on_demand] = [(name, "", at, usd) for name, usd in hourly.items()]
        if self.spot is not None:
            try:
                history = parse_spot_prices(read_json(self.spot))
            except ValueError as error:
                raise wrong_file(self.spot, str(error)) from error
            self._rows[self.spot] = [
                (instance_type, zone, at, usd)
                for (instance_type, zone), changes in history.changes.items()
                if zone
                for at, usd in changes
            ]

    def price_list(
        self, connection: Connection, start: float, types: Collection[str] | None = None
    ) -> PriceList:
        """The prices from `start` on (seconds since 1970), of some types or of all; `read` must precede."""
        rows = [row for path in (self.on_demand, self.spot) if path for row in self._rows[path]]
        if self.on_demand is None or self.spot is None:
            rows += [
                (each.instance_type, each.zone, each.at, each.usd_per_hour)
                for each in prices.find(connection, start, types)
                if (self.spot if each.zone else self.on_demand) is None
            ]
        return price_list(
            rows,
            on_demand_name=LEDGER if self.on_demand is None else str(self.on_demand),
            spot_name=LEDGER if self.spot is None else str(self.spot),
        )
