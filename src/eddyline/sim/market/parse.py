"""Checks a decoded market file and builds the market. Every error names the pool and the entry."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from eddyline.core.errors import UsageError
from eddyline.core.formatting import printable_line, short_repr
from eddyline.sim.market.market import Hazard, Market, MarketPool, Wave
from eddyline.sim.market.strict_json import wrong_file

FORMAT = "spot-market"
VERSION = 1
MAX_POOLS = 10_000
MAX_ENTRIES = 1_000_000
"""Changes, nodes and waves of all pools together."""
MAX_UNITS = 1_000_000
MAX_SECONDS = 10 * 366 * 86_400.0
MAX_NAME = 100
_MAX_TEXT = 10_000
_MAX_HAZARD = 3600.0  # an hour: one interruption a second
_PAIR = 2


def parse_market(plain: Any, path: Path | str) -> Market:  # noqa: ANN401 - any JSON value
    """The market in a decoded file; raises `UsageError` that names `path`."""
    try:
        return _market(plain, Path(path).stem)
    except ValueError as error:
        raise wrong_file(path, str(error)) from error


def _market(plain: Any, stem: str) -> Market:  # noqa: ANN401 - any JSON value
    if not isinstance(plain, Mapping) or plain.get("format") != FORMAT:
        raise ValueError(f'not a market: expected an object with "format": "{FORMAT}"')
    if plain.get("version") != VERSION:
        raise ValueError(
            f"version {short_repr(plain.get('version'))} is not supported; this is version {VERSION}"
        )
    end_s = _number(plain.get("end_s"), "end_s", most=MAX_SECONDS)
    if end_s <= 0:
        raise ValueError("end_s must be more than 0")
    listed = plain.get("pools")
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_POOLS:
        raise ValueError(f"pools: expected a list of 1 to {MAX_POOLS:,} pools")
    entries = sum(len(pool.get(key) or ()) for pool in listed for key in _LISTS if _has_list(pool, key))
    if entries > MAX_ENTRIES:
        raise ValueError(f"{entries:,} changes and nodes; a market has at most {MAX_ENTRIES:,}")
    pools = tuple(_pool(each, number, end_s) for number, each in enumerate(listed))
    _refuse_duplicates([pool.name for pool in pools])
    return Market(
        name=_text(plain.get("name") or stem[:MAX_NAME], "name", MAX_NAME),
        source=_text(plain.get("source"), "source", _MAX_TEXT),
        licence=_text(plain.get("licence"), "licence", _MAX_TEXT),
        note=_text(plain.get("note"), "note", _MAX_TEXT),
        end_s=end_s,
        pools=pools,
    )


_LISTS = ("capacity", "nodes", "waves")


def _has_list(pool: object, key: str) -> bool:
    return isinstance(pool, Mapping) and isinstance(pool.get(key), list)


def _refuse_duplicates(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"two pools have the name {name}")
        seen.add(name)


def _pool(plain: Any, number: int, end_s: float) -> MarketPool:  # noqa: ANN401 - any JSON value
    where = f"pool {number + 1}"
    if not isinstance(plain, Mapping):
        raise ValueError(f"{where}: expected an object")  # noqa: TRY004 - an error of the file
    name = _name(plain.get("name"), f"{where}: name")
    where = f"pool {name}"
    units = _whole(plain.get("units"), f"{where}: units", least=1, most=MAX_UNITS)
    capacity, nodes = (_list(plain.get(key), f"{where}: {key}") for key in ("capacity", "nodes"))
    if capacity and nodes:
        raise ValueError(f"{where}: has capacity and nodes; a pool has one of them")
    if not capacity and not nodes and not isinstance(plain.get("nodes"), list):
        raise ValueError(f"{where}: has neither capacity nor nodes")
    read_capacity = tuple(_changes(capacity, where, units, end_s))
    read_nodes = tuple(sorted(_nodes(nodes, where, end_s), key=lambda node: node[0]))
    return MarketPool(
        name=name,
        type=_name(plain.get("type"), f"{where}: type"),
        zone=_name(plain.get("zone"), f"{where}: zone"),
        units=units,
        # A list of nodes without any (that ever lived) is a pool that never had capacity.
        capacity=read_capacity if read_capacity or read_nodes else ((0.0, 0),),
        nodes=read_nodes,
        hazard=_hazard(plain.get("hazard"), f"{where}: hazard"),
        waves=tuple(_waves(_list(plain.get("waves"), f"{where}: waves"), where, end_s)),
    )


def _changes(plain: list[Any], where: str, units: int, end_s: float) -> Iterator[tuple[float, int]]:
    before, count = -1.0, -1
    for number, entry in enumerate(plain, 1):
        here = f"{where}: capacity entry {number}"
        at, given = _pair(entry, here, "[t_s, count]")
        t = _number(at, f"{here}: t_s", most=end_s)
        if number == 1 and t:
            raise ValueError(f"{here}: the first change must be at 0")
        if t <= before:
            raise ValueError(f"{here}: {t:g} s is not after the change before it")
        found = _whole(given, f"{here}: count", least=0, most=MAX_UNITS)
        if found > units:
            raise ValueError(f"{here}: {found} is more than the {units} units of the pool")
        if found != count:  # equal successive counts are merged
            yield t, found
        before, count = t, found


def _nodes(plain: list[Any], where: str, end_s: float) -> Iterator[tuple[float, float | None]]:
    for number, entry in enumerate(plain, 1):
        here = f"{where}: nodes entry {number}"
        start, end = _pair(entry, here, "[from_s, to_s or null]")
        since = _number(start, f"{here}: from_s", most=end_s)
        until = None if end is None else _number(end, f"{here}: to_s", most=end_s)
        if until is not None and until < since:
            raise ValueError(f"{here}: it ends at {until:g} s, before it starts at {since:g} s")
        if until != since:  # a node that ends when it starts never was available
            yield since, until


def _waves(plain: list[Any], where: str, end_s: float) -> Iterator[Wave]:
    for number, entry in enumerate(plain, 1):
        here = f"{where}: waves entry {number}"
        at, share = _pair(entry, here, "[t_s, share]")
        yield Wave(
            at=_number(at, f"{here}: t_s", most=end_s), share=_number(share, f"{here}: share", most=1.0)
        )


def _hazard(plain: Any, where: str) -> Hazard | None:  # noqa: ANN401 - any JSON value
    if plain is None:
        return None
    if not isinstance(plain, Mapping) or "per_hour" not in plain:
        raise ValueError(f"{where}: expected an object with per_hour")
    bounds = {"early_s": MAX_SECONDS, "late_s": MAX_SECONDS}
    found = {
        each.name: _number(plain[each.name], f"{where}: {each.name}", most=bounds.get(each.name, _MAX_HAZARD))
        for each in fields(Hazard)
        if each.name in plain
    }
    for name in bounds:
        if found.get(name, 1.0) <= 0:
            raise ValueError(f"{where}: {name} must be more than 0")
    return Hazard(**found)


def _list(plain: Any, where: str) -> list[Any]:  # noqa: ANN401 - any JSON value
    if plain is not None and not isinstance(plain, list):
        raise ValueError(f"{where}: expected a list")
    return plain or []


def _pair(plain: Any, where: str, expected: str) -> tuple[Any, Any]:  # noqa: ANN401 - any JSON value
    if not isinstance(plain, list) or len(plain) != _PAIR:
        raise ValueError(f"{where}: expected {expected}, not {short_repr(plain)}")
    return plain[0], plain[1]


def _number(plain: Any, where: str, *, most: float) -> float:  # noqa: ANN401 - any JSON value
    # Compared before it is converted: an integer may be too large for a float.
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not 0 <= plain <= most:
        raise ValueError(f"{where}: expected a number from 0 to {most:g}, not {short_repr(plain)}")
    return float(plain)


def _whole(plain: Any, where: str, *, least: int, most: int) -> int:  # noqa: ANN401 - any JSON value
    number = _number(plain, where, most=math.inf) if isinstance(plain, float) else plain
    if isinstance(number, bool) or not isinstance(number, int | float) or not least <= number <= most:
        raise ValueError(
            f"{where}: expected a whole number from {least} to {most:,}, not {short_repr(plain)}"
        )
    if number != int(number):
        raise ValueError(f"{where}: {number:g} is not a whole number")
    return int(number)


def _name(plain: Any, where: str) -> str:  # noqa: ANN401 - any JSON value
    if not isinstance(plain, str) or not 0 < len(plain) <= MAX_NAME or not plain.isprintable():
        raise ValueError(f"{where}: expected 1 to {MAX_NAME} printable characters, not {short_repr(plain)}")
    return plain


def _text(plain: Any, where: str, most: int) -> str:  # noqa: ANN401 - any JSON value
    if plain is not None and (not isinstance(plain, str) or len(plain) > most):
        raise ValueError(f"{where}: expected at most {most:,} characters, not {short_repr(plain)}")
    return printable_line((plain or "").replace("\n", " "), most)


def checked_name(text: str, option: str) -> str:
    """A name that a market file may have; raises `UsageError` that names the option."""
    try:
        return _name(text, option)
    except ValueError as error:
        raise UsageError(
            str(error), remedy=f"pass a name of at most {MAX_NAME} printable characters"
        ) from error
