"""What went wrong on an asset's way: for the manifest's `run`, which alone may depend on it.

A worker that holds the ledger asks it. One that does not is told by the coordinator, in the job itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from eddyline.graph.job import Job
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.messages import Publication

_TOLD = "publish"  # the kind of job that asks
_KEY = "history"
_MOST = 1 << 31
_LATEST = 1e11  # seconds since 1970


@dataclass(frozen=True, kw_only=True)
class History:
    """`started` is when the first job of the asset began, in seconds since 1970; 0 where nobody knows."""

    redone_jobs: int = 0
    interruptions: int = 0
    started: float = 0.0


def read_history(ledger: Ledger) -> Callable[[Job], History]:
    """Ask the ledger."""
    return lambda job: _history(ledger, job.asset)


def history_from_spec(job: Job) -> History:
    """What the coordinator has put into the job; zeros if it has not, or if it is not of that form."""
    found = job.spec.get(_KEY)
    if not isinstance(found, dict):
        return History()
    redone, interruptions = (found.get(name, 0) for name in ("redone_jobs", "interruptions"))
    started = found.get("started", 0.0)
    counted = all(type(each) is int and 0 <= each < _MOST for each in (redone, interruptions))
    if not counted or type(started) not in (int, float) or not 0 <= started < _LATEST:
        return History()
    return History(redone_jobs=redone, interruptions=interruptions, started=float(started))


def add_history(ledger: Ledger) -> Callable[[Sequence[Publication]], Sequence[Publication]]:
    """For coordinators: put it into the jobs that ask, just before they are published."""

    def prepare(offers: Sequence[Publication]) -> Sequence[Publication]:
        return [_told(ledger, offer) if offer.job.kind == _TOLD else offer for offer in offers]

    return prepare


def _told(ledger: Ledger, offer: Publication) -> Publication:
    spec = {**offer.job.spec, _KEY: asdict(_history(ledger, offer.job.asset))}
    return replace(offer, job=replace(offer.job, spec=spec))


def _history(ledger: Ledger, asset: str) -> History:
    stats = ledger.stats(asset)
    started = [job.started for job in ledger.jobs(asset=asset) if job.started is not None]
    return History(
        redone_jobs=stats.redone, interruptions=stats.interruptions, started=min(started, default=0.0)
    )
