"""The worker of a server takes back what a killed predecessor held, and ends with its stop."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from eddyline.core.stop import Stop
from eddyline.fleet.pools import load_pools
from eddyline.graph.events import WorkerEvent, WorkerEventKind
from eddyline.graph.job import NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import State
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.runs.local_worker import LocalWorker, worker_name
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup


def test_a_worker_runs_the_jobs_that_a_killed_one_held_and_removes_its_files(tmp_path: Path) -> None:
    directory, stop, events = RunDirectory(tmp_path), Stop(), list[WorkerEvent]()
    with directory.lock(runs_jobs=False), Ledger.open(directory.ledger) as ledger:
        spec: dict[str, object] = {}
        ledger.submit([NewJob(id="a.b.tidy", asset="a", kind="tidy", pool="old-pool", spec=spec)])
        ledger.register(worker_name(1), "here", 1)
        assert ledger.claim(worker_name(1), pools=["old-pool"], limit=1, lease_s=3600)
        (directory.scratch / "left").mkdir()

        def on_event(event: WorkerEvent) -> None:
            events.append(event)
            if event.kind is not WorkerEventKind.STARTED:
                stop.request("the test has seen it")

        worker = LocalWorker(
            directory=directory,
            store=directory.store,
            tools=Toolchain.find(None, None, None),
            pools=load_pools(None),
            slots=1,
            stop=stop,
            on_event=on_event,
            upload_cleanup=UploadCleanup(),
        )
        thread = threading.Thread(target=worker.run)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
        assert events[0].worker == worker_name(os.getpid())
        assert not (directory.scratch / "left").exists()
        assert ledger.workers() == []
        job = ledger.job("a.b.tidy")
        assert job is not None
        assert job.state is not State.RUNNING
