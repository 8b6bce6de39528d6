"""Generates a market: pools by interruption band, with correlated reclaims and times without capacity.

Each part has a random stream of its name, so that a further pool does not change the others:
`SEED/POOL` for the dark times of a pool, `SEED/dark` for those of all, `SEED/type/TYPE` and `SEED/zone/ZONE`
for waves.
"""

from __future__ import annotations

import math
import random
import string
from collections.abc import Iterator, Mapping, Sequence

from eddyline.core.errors import UsageError
from eddyline.sim.market.generated_spec import GeneratedMarket
from eddyline.sim.market.market import HOUR_S, Hazard, Market, MarketPool, Wave
from eddyline.sim.market.parse import MAX_ENTRIES, MAX_POOLS, MAX_SECONDS
from eddyline.sim.types import TypeFigures

BAND_SHARES = (0.025, 0.075, 0.125, 0.175, 0.25)
"""Share of instances interrupted in a month, by band: the middle of each, 25 % for the open one (>20 %)."""
MONTH_H = 730.5
_Span = tuple[float, float]


def generate(spec: GeneratedMarket, *, types: Mapping[str, TypeFigures], seed: int, end_s: float) -> Market:
    """The market of a spec, the same for the same seed. Raises `UsageError` for types that `types` lacks."""
    names = chosen_types(spec, types)
    zones = string.ascii_lowercase[: spec.zones]
    _check_size(spec, len(names) * len(zones), len(names) + len(zones), end_s)
    together = list(_dark_times(spec.dark_together, spec.dark_mean_s, _stream(seed, "dark"), end_s))
    waves = {
        key: tuple(_waves(spec, _stream(seed, key), end_s))
        for key in (*(f"type/{name}" for name in names), *(f"zone/{zone}" for zone in zones))
    }
    # A pool is dark with all others, or by itself; both together are `scarcity` of the time.
    alone = 1 - (1 - spec.scarcity) / (1 - spec.dark_together)
    pools = []
    for name in names:
        hazard = pool_hazard(spec, types[name].band)
        for zone in zones:
            label = f"{name}/{zone}"
            dark = [*together, *_dark_times(alone, spec.dark_mean_s, _stream(seed, label), end_s)]
            hits = (*waves[f"type/{name}"], *waves[f"zone/{zone}"])
            pools.append(
                MarketPool(
                    name=label,
                    type=name,
                    zone=zone,
                    units=spec.units,
                    capacity=tuple(each for each in _changes(dark, spec.units) if each[0] < end_s),
                    hazard=hazard,
                    waves=tuple(sorted(hits, key=lambda wave: wave.at)),
                )
            )
    return Market(
        name=f"generated-{spec.preset}",
        source=f"generated, seed {seed}",
        licence="",
        note="pools by the interruption bands of the Spot Instance advisor, not a recording",
        end_s=end_s,
        pools=tuple(pools),
    )


def chosen_types(spec: GeneratedMarket, types: Mapping[str, TypeFigures]) -> list[str]:
    """The names of a spec's types, without duplicates; raises `UsageError` for unknown types and lists."""
    known = {name for each in types.values() for name in each.lists}
    for unknown in (*sorted(set(spec.types) - set(types)), *sorted(set(spec.lists) - known)):
        raise UsageError(
            f"market: the table of instance types has no type or list {unknown}",
            remedy=f"name types of the table, or the lists {', '.join(sorted(known)) or '(it has none)'}",
        )
    wanted = set(spec.lists)
    listed = (each.name for each in types.values() if wanted.intersection(each.lists))
    return list(dict.fromkeys((*spec.types, *listed)))


def pool_hazard(spec: GeneratedMarket, band: int) -> Hazard:
    """The hazard of a pool: with a scale of 1, the share of its band is interrupted in a month.

    The flat part is chosen so that the whole bathtub gives that share. The open band (>20 %) gives about 4e-4
    an hour.
    """
    if spec.hazard_per_hour is not None:
        flat = spec.hazard_per_hour * spec.hazard_scale
    else:
        early_h, late_h = spec.early_s / HOUR_S, spec.late_s / HOUR_S
        grown = MONTH_H - late_h * 4 / 5 if late_h < MONTH_H else MONTH_H / 5 * (MONTH_H / late_h) ** 4
        hours = MONTH_H + spec.early * early_h * -math.expm1(-MONTH_H / early_h) + spec.late * grown
        flat = -math.log1p(-BAND_SHARES[band]) / hours * spec.hazard_scale
    return Hazard(
        per_hour=flat,
        early_per_hour=spec.early * flat,
        early_s=spec.early_s,
        late_per_hour=spec.late * flat,
        late_s=spec.late_s,
    )


def _check_size(spec: GeneratedMarket, pools: int, streams: int, end_s: float) -> None:
    if not 0 < end_s <= MAX_SECONDS:
        raise UsageError(
            f"market: {end_s:g} s is not a duration", remedy=f"pass 1 to {MAX_SECONDS:g} seconds"
        )
    waves = 0.0 if spec.wave_every_h is None else end_s / HOUR_S / spec.wave_every_h / 2
    entries = pools * (2 * end_s / spec.dark_mean_s * spec.scarcity + 2 * waves) + streams * waves
    if pools > MAX_POOLS or entries > MAX_ENTRIES:
        raise UsageError(
            f"market: about {pools:,} pools with {entries:,.0f} changes and waves; a market has at most "
            f"{MAX_POOLS:,} pools and {MAX_ENTRIES:,} changes",
            remedy="name fewer types or zones, a longer dark_mean_s, or rarer waves",
        )


def _stream(seed: int, name: str) -> random.Random:
    return random.Random(f"{seed}/{name}")  # noqa: S311 - a simulation, not a secret


def _dark_times(share: float, mean_s: float, rng: random.Random, end_s: float) -> Iterator[_Span]:
    """The times without capacity: exponential, alternating with exponential times with capacity."""
    if share <= 0:
        return
    light_s = mean_s * (1 - share) / share
    at, dark = 0.0, rng.random() < share
    while at < end_s:
        until = at + rng.expovariate(1 / (mean_s if dark else light_s))
        if dark:
            yield at, until
        at, dark = until, not dark


def _waves(spec: GeneratedMarket, rng: random.Random, end_s: float) -> Iterator[Wave]:
    """Half of the waves of a pool reach its type in all zones, half reach all types of its zone."""
    if spec.wave_every_h is None:
        return
    mean_s = 2 * spec.wave_every_h * HOUR_S
    at = rng.expovariate(1 / mean_s)
    while at < end_s:
        yield Wave(at=at, share=spec.wave_share)
        at += rng.expovariate(1 / mean_s)


def _changes(dark: Sequence[_Span], units: int) -> Iterator[tuple[float, int]]:
    """The capacity outside the union of the dark times."""
    if not any(since <= 0 for since, _ in dark):
        yield 0.0, units
    for since, until in _merged(dark):
        yield since, 0
        yield until, units


def _merged(spans: Sequence[_Span]) -> Iterator[_Span]:
    current: _Span | None = None
    for since, until in sorted(spans):
        if current is not None and since <= current[1]:
            current = (current[0], max(current[1], until))
            continue
        if current is not None:
            yield current
        current = (since, until)
    if current is not None:
        yield current
