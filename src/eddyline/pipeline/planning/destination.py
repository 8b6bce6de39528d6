"""The media store that an asset is submitted to: the submitter and every worker must use the same one."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.core.errors import UsageError
from eddyline.graph.job import Job
from eddyline.graph.states import OPEN
from eddyline.pipeline.planning.job_ids import request_digest
from eddyline.pipeline.planning.job_kinds import job_kind
from eddyline.pipeline.planning.output_layout import STATE
from eddyline.store.local import LocalStore
from eddyline.store.store import Store


def store_identity(store: Store) -> str:
    """The store's address; "" for a directory, whose path may differ on each machine."""
    return "" if isinstance(store, LocalStore) else store.where(STATE).removesuffix(f"/{STATE}")


def require_same_store(store: Store, job: Job) -> None:
    """Raise `UsageError` unless a worker's store is the one that the job's asset was submitted to."""
    own = store_identity(store)
    submitted = job.spec.get("store", own)  # jobs of earlier versions do not name their store
    if submitted != own:
        raise UsageError(
            f"the source was submitted to {_name(submitted)}, but this worker's store is {_name(own)}",
            remedy="pass the same --store to all workers and to submit; then run the same command again",
        )


def require_single_store(identity: str, jobs: Sequence[Job]) -> None:
    """Raise `UsageError` if open `jobs` of an asset write to a store other than `identity`.

    Jobs find each other's parts by the asset's id, so one ledger processes it for one store at a time.
    """
    others = {
        request_digest(job): job.spec["store"] for job in jobs if job.spec.get("store", identity) != identity
    }
    for job in jobs:
        if job.state in OPEN and not job_kind(job.kind).internal and request_digest(job) in others:
            raise UsageError(
                f"the same source is being processed for {_name(others[request_digest(job)])}",
                remedy=f"pass that --store, or cancel the asset there: eddyline jobs cancel {job.asset}",
            )


def _name(identity: str) -> str:
    return identity or "a directory"
