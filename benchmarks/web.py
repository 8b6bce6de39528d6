"""Measures the web application on a library of 100,000 assets, on this machine, while two encodes run.

`python -m benchmarks web` prints the figures. A real `eddyline serve` answers 50 requests a second, half of
them pages of the list and half searches, from 16 connections. A latency counts from the time at which its
request was due, so that a slow answer delays no later request unseen. Two FFmpeg processes encode meanwhile
at the priority of the server's worker (nice 10), and the first page contains an asset with 5,000 chunks that
is being processed. `web.library_page_kb` is what Chromium receives for the library page, compressed, without
pictures; `web.interactive_ms` is the time until its first asset can be opened, and `web.jobs_page_ms` the
time until the page of an asset with 5,000 chunks shows all of them and its table.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import imageio_ffmpeg
from sqlalchemy import insert
from tests.unit.library.asset_jobs import ASSET, add_row, planned_jobs
from tests.web.browser import launched

from eddyline.core.clock import ManualClock
from eddyline.graph.db.library_schema import assets
from eddyline.graph.job import Done, Interrupted, Settlement
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.machine import Machine

ASSETS = 100_000
CHUNKS = 5_000
RATE = 50.0
SECONDS = 30.0
_CONNECTIONS = 16
_BATCH = 5_000
_WORKERS, _SLOTS, _CHUNK_S = 5, 4, 10.0
_PLACES = ("alps", "beach", "canyon", "desert", "forest", "glacier", "harbour", "island", "lake", "mountain")


def measure() -> dict[str, float]:
    """All figures of this module."""
    with tempfile.TemporaryDirectory(prefix="eddyline-bench-") as name:
        out = Path(name)
        fill(out)
        add_jobs(out)
        with serve(out) as server:
            figures = _measure_page(server)
            with encodes(2):
                return figures | measure_requests(server)


def fill(out: Path, count: int = ASSETS) -> None:
    """A library of `count` ready assets, as their publication would have recorded them."""
    state = out / ".eddyline"
    state.mkdir(parents=True, exist_ok=True)
    rng = Random(11)
    with Ledger.open(state / "ledger.sqlite") as ledger:
        for first in range(0, count, _BATCH):
            rows = [_row(number, rng) for number in range(first, min(first + _BATCH, count))]
            ledger.write(lambda connection, rows=rows: connection.execute(insert(assets), rows))  # type: ignore[misc]  # its default


def add_jobs(out: Path, chunks: int = CHUNKS) -> None:
    """The jobs of one asset that is being encoded: half of its chunks are done, some by a second start."""
    clock = ManualClock(time.time() - chunks / 2 / (_WORKERS * _SLOTS) * _CHUNK_S)
    machine = Machine(pool="cpu", slots=_SLOTS)
    names = [f"cpu@host{number}:1-aaaaaa" for number in range(_WORKERS)]
    with Ledger.open(out / ".eddyline" / "ledger.sqlite", clock=clock) as ledger:
        add_row(ledger)
        ledger.submit(planned_jobs(chunks=chunks))
        for name in names:
            ledger.register(name, "host", 1, 1e6, machine=machine)
        done = 0
        while done < chunks // 2:
            outcome = Interrupted() if done % 500 == 100 else Done(result={})
            claims = [
                claim
                for name in names
                for claim in ledger.claim(name, pools=("cpu",), limit=_SLOTS, lease_s=1e6)
            ]
            clock.advance(_CHUNK_S)
            ledger.settle(
                [Settlement(job_id=each.job.id, fence=each.fence, outcome=outcome) for each in claims]
            )
            done += len(claims)
        for name in names:
            ledger.claim(name, pools=("cpu",), limit=_SLOTS, lease_s=1e6)


def _row(number: int, rng: Random) -> dict[str, object]:
    created = 1_700_000_000.0 + number * 60 + rng.random()
    row: dict[str, object] = {column.name: None for column in assets.columns}
    row.update(
        asset=f"{number:08x}{rng.getrandbits(32):08x}",
        owner="",
        name=f"GX{rng.randrange(1, 99):02d}{number % 10_000:04d} {rng.choice(_PLACES)} {number}.MP4",
        state="ready",
        created=created,
        updated=created + 300,
        captured=created - 86_400,
        profile="default",
        source="",
        progress=1.0,
        duration_s=rng.uniform(5, 900),
        source_bytes=rng.randrange(10**7, 10**10),
        stored_bytes=rng.randrange(10**7, 10**10),
        width=3840,
        height=2160,
        fps=29.97,
        codec="hevc",
        camera=f"GoPro HERO{rng.randrange(5, 14)} Black",
        poster="pictures/poster.jpg",
        cpu_s=rng.uniform(10, 5000),
        redone=0,
    )
    return row


@dataclass(frozen=True, kw_only=True)
class RunningServer:
    """The port of a server."""

    port: int

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status != http.client.OK:
            raise RuntimeError(f"{path}: {response.status} {body[:200]!r}")
        return body


@contextlib.contextmanager
def serve(out: Path) -> Iterator[RunningServer]:
    """A real server of the library, without a worker."""
    command = [sys.executable, "-m", "eddyline", "serve", "--out", str(out), "--port", "0", "--no-worker"]
    with (out / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)", (out / "server.log").read_text("utf-8"))):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((out / "server.log").read_text("utf-8"))
            time.sleep(0.05)
        server = RunningServer(port=int(found[1]))
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                server.get("/healthz")
                break
            time.sleep(0.05)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextlib.contextmanager
def encodes(count: int) -> Iterator[None]:
    """FFmpeg processes that encode until the context ends, at the priority of the server's worker."""
    command = [
        *("nice", "-n", "10", imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi"),
        *("-i", "testsrc2=size=1920x1080:rate=30", "-c:v", "libx264", "-preset", "medium", "-threads", "1"),
        *("-f", "null", "-"),
    ]
    processes = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


@dataclass
class _Load:
    """Requests at a fixed rate, and their latencies in ms by kind."""

    server: RunningServer
    latencies: dict[str, list[float]] = field(default_factory=lambda: {"list": [], "search": []})
    lock: threading.Lock = field(default_factory=threading.Lock)
    failures: list[str] = field(default_factory=list)
    taken: int = 0

    def run(self, rate: float, seconds: float) -> None:
        began, total = time.perf_counter() + 0.2, int(rate * seconds)

        def client(seed: int) -> None:
            rng = Random(seed)
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
            while True:
                with self.lock:
                    number, self.taken = self.taken, self.taken + 1
                if number >= total:
                    return
                due = began + number / rate
                time.sleep(max(due - time.perf_counter(), 0.0))
                kind = "search" if number % 2 else "list"
                query = f"q={rng.choice(_PLACES)}+{rng.randrange(10_000):04d}" if number % 2 else "limit=50"
                connection.request("GET", f"/api/v1/assets?{query}")
                response = connection.getresponse()
                body = response.read()
                taken_ms = (time.perf_counter() - due) * 1000
                with self.lock:
                    if response.status != http.client.OK:
                        self.failures.append(f"{response.status} {body[:100]!r}")
                    self.latencies[kind].append(taken_ms)

        threads = [threading.Thread(target=client, args=(seed,)) for seed in range(_CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def measure_requests(server: RunningServer, rate: float = RATE, seconds: float = SECONDS) -> dict[str, float]:
    """The 50th and 99th percentile of latencies, in ms."""
    _Load(server).run(rate, 2.0)  # fills caches
    load = _Load(server)
    load.run(rate, seconds)
    if load.failures:
        raise RuntimeError(f"{len(load.failures)} requests failed: {load.failures[0]}")
    figures: dict[str, float] = {}
    for kind, values in load.latencies.items():
        cuts = statistics.quantiles(values, n=100)
        figures |= {f"web.{kind}_p50_ms": round(cuts[49], 1), f"web.{kind}_p99_ms": round(cuts[98], 1)}
    return figures


def _measure_page(server: RunningServer) -> dict[str, float]:
    """What Chromium receives for the library page, and when it can be used; the median of three visits."""
    sizes, times, job_times = [], [], []
    with launched() as browser:
        for _ in range(3):
            context = browser.new_context()
            page = context.new_page()
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            kinds: dict[str, str] = {}
            received: dict[str, float] = {}
            session.on(
                "Network.responseReceived", lambda e, kinds=kinds: kinds.update({e["requestId"]: e["type"]})
            )
            session.on(
                "Network.loadingFinished",
                lambda e, received=received: received.update({e["requestId"]: e["encodedDataLength"]}),
            )
            began = time.perf_counter()
            page.goto(f"http://127.0.0.1:{server.port}/", wait_until="domcontentloaded")
            page.locator("a[href^='/assets/']").first.wait_for(state="visible")
            page.evaluate("new Promise(requestAnimationFrame)")
            times.append((time.perf_counter() - began) * 1000)
            page.wait_for_timeout(1000)
            sizes.append(sum(size for name, size in received.items() if kinds.get(name) != "Image") / 1000)
            began = time.perf_counter()
            page.goto(f"http://127.0.0.1:{server.port}/assets/{ASSET}/jobs", wait_until="domcontentloaded")
            page.locator("#rows tr").first.wait_for(state="visible")
            page.evaluate("new Promise(requestAnimationFrame)")
            job_times.append((time.perf_counter() - began) * 1000)
            totals = page.locator("#totals").inner_text()
            if not totals.startswith(f"{CHUNKS + 10:,} jobs: 2,"):
                raise RuntimeError(f"not all jobs are shown: {totals}")
            context.close()
    return {
        "web.library_page_kb": round(statistics.median(sizes), 1),
        "web.interactive_ms": round(statistics.median(times)),
        "web.jobs_page_ms": round(statistics.median(job_times)),
    }


if __name__ == "__main__":
    for key, value in measure().items():
        print(f"{key}: {value}")
