"""Imports recorded traces as markets of one pool.

Accepted: CSV lines `milliseconds,add|remove,node` (a pool of nodes), CSV lines `t_s,count` (a pool of
capacity), and JSON lists of availability at a fixed interval (`availability_list`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.core.formatting import printable_line
from eddyline.fleet.demo.trace import TraceEvent, duration_s, parse_trace
from eddyline.sim.market.availability_list import read_availability
from eddyline.sim.market.count_rows import read_count_rows
from eddyline.sim.market.market import Market, MarketPool
from eddyline.sim.market.parse import MAX_ENTRIES, MAX_NAME, MAX_UNITS, checked_name
from eddyline.sim.market.strict_json import parse_json, read_bounded, wrong_file

_TRACE_FIELDS = 3
_TRACE_NOTE = "a fleet with a target recorded it: a lower bound of the capacity that there was"


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What a trace does not say itself.

    `units`: the most units that were probed; None: the most that were seen. `interval_s`: seconds between
    two samples; None: as the file says. `preempted`: the values of a list count the units that were not
    available.
    """

    name: str = ""
    type: str = "unknown"
    zone: str = "unknown"
    units: int | None = None
    licence: str = ""
    source: str = ""
    note: str = ""
    interval_s: float | None = None
    preempted: bool = False


def import_market(path: Path, options: ImportOptions) -> Market:
    """The market in the file of a trace; raises `UsageError` that says what is wrong with it."""
    data = read_bounded(path)
    counts: Sequence[tuple[float, int]] = ()
    nodes: tuple[tuple[float, float | None], ...] = ()
    note = options.note
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        counts, end_s = read_availability(
            parse_json(data, path),
            path,
            options.interval_s,
            units=options.units,
            preempted=options.preempted,
        )
    else:
        rows = _rows(data, path)
        if options.preempted:
            raise UsageError(f"{path} is not a list", remedy="leave out --preempted: it is for lists in JSON")
        if len(rows[0]) == _TRACE_FIELDS:
            events = parse_trace(rows, str(path)[:300])
            nodes, end_s = tuple(_nodes(events)), duration_s(events)
            note = note or _TRACE_NOTE
        else:
            counts, end_s = read_count_rows(rows, path, options.interval_s)
    if end_s <= 0 or not (nodes or counts):
        raise wrong_file(path, "the trace covers no time")
    return _market(path, options, end_s, note, changes=tuple(merge_equal(counts)), nodes=nodes)


def merge_equal(counts: Sequence[tuple[float, int]]) -> Iterator[tuple[float, int]]:
    """The changes in samples or runs: those whose count equals the one before are left out."""
    last = -1
    for at, count in counts:
        if count != last:
            last = count
            yield at, count


def _rows(data: bytes, path: Path) -> list[list[str]]:
    if data.count(b"\n") > 2 * MAX_ENTRIES or data.count(b",") > 4 * MAX_ENTRIES:
        raise wrong_file(path, f"more than {2 * MAX_ENTRIES:,} lines")
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise wrong_file(path, f"neither JSON nor CSV: {str(error)[:100]}") from error
    while rows and not rows[-1]:  # blank lines at the end
        rows.pop()
    if not rows:
        raise wrong_file(path, "it is empty")
    return rows


def _nodes(events: Sequence[TraceEvent]) -> Iterator[tuple[float, float | None]]:
    """The lives of the nodes of a trace, by their start."""
    lives: list[tuple[float, float | None]] = []
    running: dict[str, int] = {}
    for event in events:
        if event.added:
            running[event.node] = len(lives)
            lives.append((event.at, None))
        else:
            place = running.pop(event.node)
            lives[place] = (lives[place][0], event.at)
    # A node that was removed in the millisecond of its start was never available.
    yield from (life for life in lives if life[1] is None or life[1] > life[0])


def _market(
    path: Path,
    options: ImportOptions,
    end_s: float,
    note: str,
    *,
    changes: tuple[tuple[float, int], ...],
    nodes: tuple[tuple[float, float | None], ...],
) -> Market:
    if len(changes) + len(nodes) > MAX_ENTRIES:
        raise wrong_file(path, f"more than {MAX_ENTRIES:,} changes or nodes")
    name = options.name or printable_line(path.stem, MAX_NAME) or "trace"
    pool = MarketPool(
        name=checked_name(name, "--name"),
        type=checked_name(options.type, "--type"),
        zone=checked_name(options.zone, "--zone"),
        units=1,
        capacity=changes,
        nodes=nodes,
    )
    seen = max(count for _, count in pool.counts())
    units = options.units or max(seen, 1)
    if not seen <= units <= MAX_UNITS:
        raise UsageError(
            f"{path}: up to {seen:,} units were available, {units:,} were probed",
            remedy=f"pass --units from {seen:,} to {MAX_UNITS:,}",
        )
    return Market(
        name=pool.name,
        source=options.source or printable_line(path.name, MAX_NAME),
        licence=options.licence,
        note=note,
        end_s=end_s,
        pools=(MarketPool(**{**vars(pool), "units": units}),),
    )
