"""Embedded runs: one process, one output directory, a SQLite ledger, no server."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eddyline.core.errors import UsageError
from eddyline.core.processes.cpu_meter import ProcessShare
from eddyline.core.stop import Stop
from eddyline.fleet.pools import Pools
from eddyline.graph.ledger.ledger import Ledger
from eddyline.media.encryption.content_keys import NO_KEYS, KeySource
from eddyline.media.ladder.profile import Profile
from eddyline.media.toolchain import Toolchain
from eddyline.pipeline.runs.events import Event, RunReport
from eddyline.pipeline.runs.run import Run
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.pipeline.runtime.history import read_history
from eddyline.pipeline.runtime.runtime import Runtime
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup
from eddyline.pipeline.submission.discover import discover
from eddyline.store.local import LocalStore
from eddyline.store.store import Store

# In an embedded run a worker is lost only when the whole process is killed, which says little about the job:
# it takes many kills in a row until the job is treated as poison.
_POISON_AFTER = 100


@dataclass(frozen=True, kw_only=True)
class EmbeddedSession:
    """A locked output directory with its ledger, in which sources can be processed."""

    runtime: Runtime
    ledger: Ledger
    where: Callable[[str], str]
    slots: int
    stop: Stop
    on_event: Callable[[Event], None]
    process_share: ProcessShare

    def run(self, sources: Sequence[str | Path], profile: Profile, *, merge: bool = True) -> RunReport:
        """Process the sources. `merge`: chapter files of one recording become one asset."""
        return Run(
            where=self.where,
            runtime=self.runtime,
            ledger=self.ledger,
            profile=profile,
            slots=self.slots,
            stop=self.stop,
            on_event=self.on_event,
            merge=merge,
            process_share=self.process_share,
        ).execute(discover(sources))


@contextmanager
def open_session(
    out: Path,
    *,
    tools: Toolchain,
    pools: Pools,
    stop: Stop,
    on_event: Callable[[Event], None],
    slots: int | None = None,
    store: Store | None = None,
    upload_cleanup: UploadCleanup | None = None,
    own_process: bool = False,
    keys: KeySource = NO_KEYS,
) -> Iterator[EmbeddedSession]:
    """Lock the output directory `out` inside the context.

    `store` receives the results (None: the directory itself). `slots`: None for one per CPU core.
    `own_process`: this process exists for the session, and its CPU time counts from its start. `keys` has the
    content keys of encrypted streams. Raises
    `UsageError` if another run uses the directory.
    """
    share = ProcessShare(since_s=0.0 if own_process else time.process_time())
    tools.require({"aac"})
    directory = RunDirectory(out)
    # Addresses are displayed as the user spelled the directory.
    where = LocalStore(out).where if store is None else store.where
    with directory.lock(store), Ledger.open(directory.ledger, poison_after=_POISON_AFTER) as ledger:
        # The lock is held, so workers that are still registered are gone.
        for worker in ledger.workers():
            ledger.release_worker(worker.name)
        directory.clean(has_open_jobs=ledger.has_open)
        yield EmbeddedSession(
            runtime=Runtime(
                store=store or directory.store,
                tools=tools,
                scratch=directory.scratch,
                history=read_history(ledger),
                pools=pools,
                upload_cleanup=upload_cleanup or UploadCleanup(),
                keys=keys,
            ),
            ledger=ledger,
            where=where,
            slots=slots or len(os.sched_getaffinity(0)),
            stop=stop,
            on_event=on_event,
            process_share=share,
        )


def open_directory_ledger(out: Path) -> Ledger:
    """The ledger of an output directory. Raises `UsageError` if there is none."""
    directory = RunDirectory(out)
    if not directory.ledger.is_file():
        raise UsageError(
            f"{out} is not an output directory of Eddyline",
            remedy="pass the directory of an earlier run with --out",
        )
    return Ledger.open(directory.ledger, poison_after=_POISON_AFTER)
