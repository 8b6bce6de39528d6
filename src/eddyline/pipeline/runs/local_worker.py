"""The worker process of a server: runs the jobs of all pools from the SQLite ledger of its directory."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eddyline.core.stop import Stop
from eddyline.fleet.pools import Pools
from eddyline.graph.events import WorkerEvent
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN
from eddyline.graph.worker.direct import DirectBroker
from eddyline.graph.worker.worker import Worker
from eddyline.media.encryption.content_keys import NO_KEYS, KeySource
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.pipeline.runtime.history import read_history
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup
from eddyline.pipeline.steps.table import handlers, import_job_modules
from eddyline.store.store import Store

POISON_AFTER = 20
"""Consecutive losses of the worker process before a job is treated as poison: operators kill it to try it."""


def worker_name(pid: int) -> str:
    """The name of the worker in the process `pid`, so that its server knows which jobs it held."""
    return f"local-{pid}"


@dataclass(frozen=True, kw_only=True)
class LocalWorker:
    """The worker of a directory. Its jobs end with `stop`; `on_event` gets what happens to them.

    `store` receives the results. `slots`: the number of concurrent jobs. `keys` has the content keys.
    """

    directory: RunDirectory
    store: Store
    tools: Toolchain
    pools: Pools
    slots: int
    stop: Stop
    on_event: Callable[[WorkerEvent], None]
    upload_cleanup: UploadCleanup
    keys: KeySource = NO_KEYS

    def run(self) -> None:
        """Run jobs until the stop. Raises `UsageError` while the worker of another server runs them."""
        with (
            self.directory.lock_jobs(),
            Ledger.open(self.directory.ledger, poison_after=POISON_AFTER) as ledger,
        ):
            # The lock is held, so workers that are still registered are gone.
            for worker in ledger.workers():
                ledger.release_worker(worker.name)
                ledger.deregister(worker.name)
            self.directory.clean_jobs(has_open_jobs=ledger.has_open)
            runtime = Runtime(
                store=self.store,
                tools=self.tools,
                scratch=self.directory.scratch,
                history=read_history(ledger),
                pools=self.pools,
                upload_cleanup=self.upload_cleanup,
                keys=self.keys,
            )
            import_job_modules()
            Worker(
                worker_name(os.getpid()),
                DirectBroker(ledger),
                handlers(runtime),
                slots=self.slots,
                pools=self._pools(ledger),
                stop=self.stop,
                on_event=self.on_event,
            ).run()

    def _pools(self, ledger: Ledger) -> Sequence[str]:
        """All pools, and those of open jobs that were submitted with another pools.yaml."""
        open_jobs = {job.pool for state in OPEN for job in ledger.jobs(state=state)}
        return (*self.pools.pools, *sorted(open_jobs - set(self.pools.pools)))
