"""`eddyline fleet demo`: fills a ledger with a made-up fleet, or with a recorded trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, insert

from eddyline.core.errors import UsageError
from eddyline.fleet.demo.generator import generate
from eddyline.fleet.demo.history import History
from eddyline.fleet.demo.trace import duration_s, read_trace, replay
from eddyline.fleet.record.fold import fold
from eddyline.graph.db.schema import starts
from eddyline.graph.ledger.fleet import demo_mark, prices
from eddyline.graph.ledger.fleet.demo_mark import DemoMark
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.ledger.starts import Start

_START = tuple(field.name for field in fields(Start))
_AFTER_TRACE_S = 0.001  # the last event is within a window that ends now
_BATCH = 500
_ROWS = 5000
_TRACE_VCPU = {"g4dn": ("g4dn.xlarge", 4, "gpu"), "p3": ("p3.2xlarge", 8, "gpu")}

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What was written, and the time that it covers (seconds since 1970)."""

    description: str
    machines: int
    interruptions: int
    starts: int
    samples: int
    prices: int
    start: float
    stop: float


def write_demo(ledger: Ledger, *, seed: int, days: float, trace: Path | None) -> DemoResult:
    """Write a demonstration into an empty ledger, and mark it. Raises `UsageError` if it has data.

    Without a trace, the history of the last `days` is generated. A trace is replayed so that it ends now.
    The mark is written first: a demonstration that was killed is never taken for real data.
    """
    now = ledger.now()
    used = ledger.read(demo_mark.tables_in_use)
    if used or ledger.read(demo_mark.find) is not None:
        what = "a demonstration" if ledger.read(demo_mark.find) is not None else f"data in {', '.join(used)}"
        raise UsageError(
            f"the ledger already has {what}", remedy="pass --out with a new directory, or another --ledger"
        )
    if trace is None:
        history = generate(seed=seed, now=now, days=days)
        description = f"{days:g} days of a made-up fleet (seed {seed})"
        start = now - days * 86_400
    else:
        history, start = _replay(trace, now)
        description = f"the recorded trace {trace.name}"
    ledger.write(lambda c: demo_mark.mark(c, DemoMark(created=now, description=description)))
    _write(ledger, history)
    return DemoResult(
        description=description,
        machines=len(history.lives),
        interruptions=sum(life.ended_by == "interruption" for life in history.lives),
        starts=len(history.starts),
        samples=len(history.samples),
        prices=len(history.prices),
        start=start,
        stop=now,
    )


def _replay(trace: Path, now: float) -> tuple[History, float]:
    events = read_trace(trace)
    start = now - duration_s(events) - _AFTER_TRACE_S
    found = next((value for name, value in _TRACE_VCPU.items() if trace.name.startswith(name)), None)
    instance_type, vcpu, pool = found or ("", None, "gpu")
    return replay(events, start=start, instance_type=instance_type, pool=pool, vcpu=vcpu, zone=""), start


def _write(ledger: Ledger, history: History) -> None:
    """Write by the code that records real fleets, where there is such code for the past."""
    for events in _batches(history.events(), _BATCH):
        ledger.fleet.store(events, fold=fold)
    for samples in _batches(history.samples, _ROWS):
        ledger.fleet.record_samples(samples)
    for found in _batches(history.prices, _ROWS):
        ledger.write(_adding_prices(found))
    for found_starts in _batches(history.starts, _ROWS):
        ledger.write(
            _adding_starts([{name: getattr(each, name) for name in _START} for each in found_starts])
        )


def _adding_prices(found: Sequence[prices.Price]) -> Callable[[Connection], None]:
    return lambda connection: prices.add(connection, found)


def _adding_starts(rows: Sequence[dict[str, object]]) -> Callable[[Connection], None]:
    def add(connection: Connection) -> None:
        connection.execute(insert(starts), list(rows))

    return add


def _batches(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for at in range(0, len(values), size):
        yield values[at : at + size]
