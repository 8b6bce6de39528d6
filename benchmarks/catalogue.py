"""Measures the catalogue of 100,000 assets: pages, filters and searches, as the library page asks for them.

`python -m benchmarks catalogue` prints the figures: latencies in milliseconds, each the 50th and the 99th
percentile of 200 requests to a ledger on SQLite, in one thread. Half of the assets have one of two owners, so
that pages of an owner skip the other's. The texts of searches are a common one (all names), one of a few
hundred names, one of a single name and one of none.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from eddyline.graph.db.library_schema import assets
from eddyline.graph.ledger.catalogue.asset import AssetFilters, AssetState, Box
from eddyline.graph.ledger.ledger import Ledger

ASSETS = 100_000
REQUESTS = 200
LIMIT = 50
_BATCH = 5_000
_CAMERAS = ("HERO9 Black", "HERO11 Black", "HERO12 Black", "Karma", "DJI Action 4")
_START = 1_700_000_000.0


def measure(work: Path) -> dict[str, float]:
    """Return the figures of all kinds of requests."""
    with Ledger.open(work / "ledger.db") as ledger:
        seconds = fill(ledger)
        figures: dict[str, float] = {"catalogue.insert_assets_per_s": round(ASSETS / seconds)}
        for name, request in _requests(ledger, random.Random(1)).items():
            p50, p99 = _latencies(request)
            figures |= {f"catalogue.{name}_ms.p50": p50, f"catalogue.{name}_ms.p99": p99}
    return figures


def fill(ledger: Ledger) -> float:
    """Insert the assets; returns the seconds that it took."""
    started = time.perf_counter()
    rng = random.Random(0)
    for first in range(0, ASSETS, _BATCH):
        rows = [_row(number, rng) for number in range(first, first + _BATCH)]
        ledger.write(lambda c, rows=rows: c.execute(insert(assets), rows))  # type: ignore[misc]
    return time.perf_counter() - started


def _row(number: int, rng: random.Random) -> dict[str, Any]:
    lat, lon = rng.uniform(-60, 60), rng.uniform(-179, 179)
    at = _START + number * 60
    return {
        "asset": f"{number * 2_654_435_761 % (1 << 64):016x}",
        "owner": "anna" if number % 2 else "ben",
        "name": f"GX{number % 90 + 10:02}{number // 90 % 10_000:04}-{number}.MP4",
        "state": "failed" if number % 500 == 0 else "ready",
        "created": at,
        "updated": at,
        "profile": "default",
        "source": f"s3://card/{number}.MP4",
        "progress": 1.0,
        "captured": at - 86_400,
        "duration_s": 60.0,
        "camera": rng.choice(_CAMERAS),
        "min_lat": lat,
        "min_lon": lon,
        "max_lat": lat + 0.1,
        "max_lon": lon + 0.1,
        "poster": "pictures/poster.jpg",
        "failure": '{"error":"InputError"}' if number % 500 == 0 else None,
    }


def _requests(ledger: Ledger, rng: random.Random) -> dict[str, Callable[[], object]]:
    catalogue = ledger.catalogue
    cursors = list(_some_cursors(ledger))

    def page(filters: AssetFilters) -> Callable[[], object]:
        return lambda: catalogue.page(filters, limit=LIMIT)

    def search(text: Callable[[], str]) -> Callable[[], object]:
        return lambda: catalogue.page(AssetFilters(owner="anna", text=text()), limit=LIMIT)

    box = Box(min_lat=46.0, min_lon=6.0, max_lat=48.0, max_lon=10.5)
    failed = AssetFilters(owner="anna", states=(AssetState.FAILED,))
    both = AssetFilters(owner="ben", states=(AssetState.FAILED, AssetState.PROCESSING))
    years = AssetFilters(owner="anna", captured_from=_START, captured_to=_START + 86_400)
    return {
        "first_page": page(AssetFilters(owner="anna")),
        "later_page": lambda: catalogue.page(
            AssetFilters(owner="anna"), limit=LIMIT, after=rng.choice(cursors)
        ),
        "of_one_state": page(failed),
        "of_two_states": page(both),
        "of_a_camera": page(AssetFilters(owner="anna", camera="Karma")),
        "of_no_camera": page(AssetFilters(owner="anna", camera="none")),
        "oldest_day": page(years),
        "in_a_box": page(AssetFilters(owner="anna", box=box)),
        "search_common": search(lambda: "GX mp4"),
        "search_some": search(lambda: f"GX{rng.randrange(10, 99)}00"),
        "search_one": search(lambda: f"-{rng.randrange(ASSETS // 2, ASSETS)}."),
        "search_none": search(lambda: "missing"),
        "search_short": search(lambda: "q"),
        "counts": lambda: catalogue.count(AssetFilters(owner="anna")),
    }


def _some_cursors(ledger: Ledger) -> Iterator[str]:
    after = ""
    for _ in range(50):
        page = ledger.catalogue.page(AssetFilters(owner="anna"), limit=1000, after=after)
        if not page.next:
            return
        after = page.next
        yield after


def _latencies(request: Callable[[], object]) -> tuple[float, float]:
    """The 50th and the 99th percentile of the milliseconds of requests."""
    request()
    taken = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        request()
        taken.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(taken, n=100)
    return round(cuts[49], 2), round(cuts[98], 2)
