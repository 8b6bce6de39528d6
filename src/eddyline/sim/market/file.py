"""Market files: JSON with `"format": "spot-market"`, version 1 (docs/reference/spot-market-format.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eddyline.core.files import translate_errors, write_atomically
from eddyline.sim.market.market import Market, MarketPool
from eddyline.sim.market.parse import FORMAT, VERSION, parse_market
from eddyline.sim.market.strict_json import parse_json, read_bounded


def read_market(path: Path) -> Market:
    """The market of a file; raises `UsageError` that names the pool and the entry that is wrong."""
    return parse_market(parse_json(read_bounded(path), path), path)


def write_market(path: Path, market: Market) -> None:
    """Write a market atomically; `read_market` returns the same market."""
    with translate_errors(f"write {path}"):
        write_atomically(path, encode_market(market))


def encode_market(market: Market) -> bytes:
    """The file of a market: one line for each pool."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "name": market.name,
        "source": market.source,
        "licence": market.licence,
        "note": market.note,
        "end_s": market.end_s,
    }
    lines = ",\n".join(_encode(_pool_fields(pool)) for pool in market.pools)
    return f'{_encode(head)[:-1]}, "pools": [\n{lines}\n]}}\n'.encode()


def _encode(value: dict[str, Any]) -> str:
    return json.dumps(value, allow_nan=False)


def _pool_fields(pool: MarketPool) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": pool.name, "type": pool.type, "zone": pool.zone, "units": pool.units}
    fields |= {"nodes": pool.nodes} if pool.nodes else {"capacity": pool.capacity}
    if pool.hazard is not None:
        fields["hazard"] = vars(pool.hazard)
    if pool.waves:
        fields["waves"] = [[wave.at, wave.share] for wave in pool.waves]
    return fields
