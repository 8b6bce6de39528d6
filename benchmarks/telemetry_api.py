"""Measures requests for an hour of telemetry: ACCL (200 Hz) as 2,000 points, cold and warm.

The asset has an hour of HERO7-like payloads, and a rendition with the index of an hour of video at 60 Hz.
Cold: the first request, which decodes the payloads. Warm: later ones, which read the cache on disk. Seconds
of wall time; run it on an idle machine.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from starlette.testclient import TestClient
from tests.unit.library.telemetry.published_assets import ASSET, publish
from tests.unit.web.catalogue_rows import add_asset
from tests.unit.web.web_app import client_of, open_services

from benchmarks.telemetry import payload

_SECONDS = 3600
_ROUNDS = 15
_URL = f"/api/v1/assets/{ASSET}/telemetry/ACCL?points=2000"
_PAGE = ("ACCL", "GYRO", "GPS5", "track?points=2000")


def measure() -> dict[str, float]:
    """Milliseconds of the first request, of the streams of a page after it, and of warm requests."""
    random = np.random.default_rng(7)
    totals: dict[str, int] = {}
    payloads = [payload(number, totals, random) for number in range(_SECONDS)]
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        folder = Path(name)
        services = open_services(folder)
        publish(services.store, folder, payloads, frames=_SECONDS * 60)
        add_asset(services, ASSET)
        with client_of(services) as client:
            client.get("/openapi.json")  # what every process does once
            _get(client, "/api/v1/assets/" + "f" * 16 + "/telemetry", expected=404)
            cold_ms = _get(client, _URL)
            page_ms = sum(_get(client, f"/api/v1/assets/{ASSET}/telemetry/{each}") for each in _PAGE)
            warm = [_get(client, _URL) for _ in range(_ROUNDS)]
        services.ledger.close()
    return {
        "telemetry_api.cold_ms": cold_ms,
        "telemetry_api.page_ms": round(page_ms, 1),
        "telemetry_api.warm_ms": statistics.median(warm),
    }


def _get(client: TestClient, url: str, expected: int = 200) -> float:
    started = time.perf_counter()
    response = client.get(url)
    elapsed = (time.perf_counter() - started) * 1000
    assert response.status_code == expected, response.text
    return round(elapsed, 1)


if __name__ == "__main__":
    for each, value in measure().items():
        sys.stdout.write(f"{each} {value}\n")
