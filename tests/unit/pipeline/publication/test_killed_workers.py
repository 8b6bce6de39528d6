"""After workers were killed at random moments, the catalogue equals the media store."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eddyline.core.stop import Stop
from eddyline.graph.job import AssetEntry, Done, Job, NewJob
from eddyline.graph.ledger.catalogue.asset import AssetFilters, AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.handler import JobContext
from eddyline.graph.worker.worker import Worker
from eddyline.pipeline.planning.output_layout import manifest_key
from eddyline.pipeline.publication.catalogue_facts import catalogue_facts
from eddyline.pipeline.publication.rebuild_catalogue import Rebuilt, rebuild_catalogue
from eddyline.store.local import LocalStore

ASSETS = 150
KILLS = 6
_WORKER = """
import sys
from pathlib import Path
from tests.unit.pipeline.publication.test_killed_workers import work
work(Path(sys.argv[1]), sys.argv[2])
"""


def work(folder: Path, name: str) -> None:
    """Run all jobs: `inspect` adds `publish`, which writes the manifest before it reports."""
    store = LocalStore(folder / "store")

    def inspect(job: Job, _context: JobContext) -> Done:
        following = NewJob(id=f"{job.asset}.publish", asset=job.asset, kind="publish", spec={})
        return Done(result={}, spawn=(following,))

    def publish(job: Job, _context: JobContext) -> Done:
        manifest = {"version": 3, "asset": job.asset, "source": {"name": "a.mp4", "duration_s": 1.5}}
        data = json.dumps(manifest).encode()
        store.compare_and_set(manifest_key(job.asset), data, store.tag(manifest_key(job.asset)))
        return Done(result={"catalogue": catalogue_facts(manifest)})

    print("ready", flush=True)  # noqa: T201 - the test waits for it
    with Ledger.open(folder / "ledger.db", poison_after=1000) as ledger:
        Worker(
            name,
            DirectBroker(ledger),
            {"inspect": inspect, "publish": publish},
            slots=2,
            pools=("cpu",),
            stop=Stop(),
            exit_when=lambda: not ledger.has_open(),
        ).run()


@pytest.mark.slow
def test_after_kills_the_catalogue_equals_the_store(tmp_path: Path) -> None:
    rng = random.Random(11)
    entry = AssetEntry(name="a.mp4", source="/card/a.mp4", profile="fast")
    assets = [f"{number:016x}" for number in range(ASSETS)]
    with Ledger.open(tmp_path / "ledger.db", poison_after=1000) as ledger:
        for asset in assets:
            ledger.submit([NewJob(id=f"{asset}.inspect", asset=asset, kind="inspect", spec={}, entry=entry)])
        unfinished = 0
        for number in range(KILLS):
            name = f"worker-{number}"
            with subprocess.Popen(
                [sys.executable, "-c", _WORKER, str(tmp_path), name], stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                time.sleep(rng.uniform(0.05, 0.5))  # the random moment of the kill
                process.send_signal(signal.SIGKILL)
            ledger.release_worker(name)
            unfinished += ledger.has_open()
            # Wherever it was killed: what is ready is published, with its facts.
            page = ledger.catalogue.page(AssetFilters(states=(AssetState.READY,)), limit=ASSETS)
            store = LocalStore(tmp_path / "store")
            assert all(store.size(manifest_key(each.asset)) for each in page.assets)
            assert all(each.duration_s == 1.5 for each in page.assets)
        assert unfinished, "no worker was killed during its work"
        work(tmp_path, "last")
        counts = ledger.catalogue.count(AssetFilters())
        assert counts[AssetState.READY] == ASSETS
        found = rebuild_catalogue(
            LocalStore(tmp_path / "store"), ledger, stop=Stop(), on_skipped=lambda _key, _reason: None
        )
        assert found == Rebuilt(assets=ASSETS, changed=0, removed=0, skipped=0)
        kinds = [each.kind for each in ledger.events.after(0, owner=None, limit=10_000)]
        assert kinds.count("asset.created") == kinds.count("asset.ready") == ASSETS
