"""Which media store an asset goes to: whoever submits it, and every worker, must mean the same one."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.core.errors import UsageError
from eddyline.graph.job import Job
from eddyline.graph.states import OPEN
from eddyline.pipeline.planning.output_layout import STATE
from eddyline.store.local import LocalStore
from eddyline.store.store import Store


def store_identity(store: Store) -> str:
    """The store's address as all machines spell it; "" for a folder, whose path may differ on each."""
    return "" if isinstance(store, LocalStore) else store.where(STATE).removesuffix(f"/{STATE}")


def require_same_store(store: Store, job: Job) -> None:
    """See that a worker's store is the one that the job's asset was submitted to. Raises `UsageError`."""
    here = store_identity(store)
    asked = job.spec.get("store", here)  # jobs of earlier versions do not say
    if asked != here:
        raise UsageError(
            f"the footage was submitted to {_spoken(asked)}, and this worker's store is {_spoken(here)}",
            remedy="start workers, and submit, with the same --store; then run the same command again",
        )


def require_single_store(place: str, jobs: Sequence[Job]) -> None:
    """See that an asset, whose `jobs` these are, is not on its way to another store. Raises `UsageError`.

    Its jobs tell each other's parts by the asset's name, so one ledger makes it in one store at a time.
    """
    elsewhere = {job.spec["ask"]: job.spec["store"] for job in jobs if job.spec.get("store", place) != place}
    for job in jobs:
        if job.state in OPEN and job.kind != "tidy" and job.spec["ask"] in elsewhere:
            raise UsageError(
                f"the same footage is on its way to {_spoken(elsewhere[job.spec['ask']])}",
                remedy=f"name that --store, or stop it there first: eddyline jobs cancel {job.asset}",
            )


def _spoken(place: str) -> str:
    return place or "a folder"
