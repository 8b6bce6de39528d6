"""Footage becomes assets: known by content, never by name or arrival, and submitted at most once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

from eddyline.core.errors import FormatError
from eddyline.core.identity import digest
from eddyline.graph.job import Job, NewJob
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.fingerprint import fingerprint
from eddyline.mp4.index import read_movie
from eddyline.pipeline.planning.destination import require_single_store, store_identity
from eddyline.pipeline.planning.job_options import DEFAULT_OPTIONS, JobOptions
from eddyline.pipeline.planning.plan import RECIPE_VERSION, inspect_job, job_id
from eddyline.pipeline.publication.published import is_published
from eddyline.pipeline.runtime.encoder_consistency import failed_on_mixed_builds
from eddyline.pipeline.runtime.source_files import ChapterFile, SourceFile, SourceRegistry
from eddyline.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """One source's asset; `source` is the address as it was given.

    `standing`: "published" already, or "open": there is work to be done.
    """

    asset: str
    name: str
    source: str
    status: Literal["published", "open"]


def identify(addresses: Sequence[str | Path], profile: Profile) -> tuple[str, str, tuple[ChapterFile, ...]]:
    """(asset, fingerprint, chapters) of a recording's files, in order, read by ranges. Raises `MissingError`.

    The same footage asked for in the same way is one asset, whatever the files are called.
    """
    originals = [SourceFile.of(address) for address in addresses]
    told = tuple(ChapterFile(original=each, fingerprint=_fingerprint(each)) for each in originals)
    print_ = digest("chapters", *(chapter.fingerprint for chapter in told))
    return digest(print_, profile.digest())[:16], print_, told


def submit(
    addresses: Sequence[str],
    profile: Profile,
    *,
    store: Store,
    ledger: Ledger,
    toolchain: str,
    terms: JobOptions = DEFAULT_OPTIONS,
    pool: str | None = None,
) -> Submitted:
    """Make sure that the work for one recording is in the ledger, or done. Safe to repeat at any time.

    Safe from many processes at once, too, and beside workers that publish the same asset: what is published
    is never touched here. `addresses` are the recording's files, in order. `toolchain` names the programs
    that it is made with; jobs of another one are cancelled. `pool` is the worker class that inspects (None:
    the built-in one). What failed before is tried anew, because someone asked again. Raises `MissingError`,
    `UsageError`.
    """
    if len(addresses) > 1:
        asset, print_, told = identify(addresses, profile)
        original = told[0].original
    else:
        original, told = SourceFile.of(addresses[0]), ()
        print_ = _fingerprint(original)
        asset = digest(print_, profile.digest())[:16]
    made = Submitted(asset=asset, name=original.name, source=str(addresses[0]), status="open")
    place = store_identity(store)
    # The jobs first: workers publish before they answer, so where all are done, the manifest is there.
    jobs = ledger.jobs(asset=asset)
    if is_published(store, asset):
        return replace(made, status="published")
    require_single_store(place, jobs)
    SourceRegistry(store).remember(asset, original, told)

    def root(ask: str) -> NewJob:
        name = next((job.spec["name"] for job in jobs if _asked(job, ask) and "name" in job.spec), made.name)
        return inspect_job(
            asset=asset,
            name=name,
            fingerprint=print_,
            ask=ask,
            profile=profile,
            store=place,
            terms=terms,
            pool=pool,
        )

    asks = _asks(jobs, profile, toolchain, place, ledger)
    first = next(job for job in map(root, asks) if _stands(job, ledger))
    _drop_others(jobs, job_id(asset, first.spec["ask"], ""), ledger)
    return replace(made, name=first.spec["name"])


def _stands(root: NewJob, ledger: Ledger) -> bool:
    """Add an asset's first job; False: only the archive knows it, it was done long ago and is gone since."""
    added = ledger.submit([root])
    return added > 0 or ledger.job(root.id) is not None


def _fingerprint(original: SourceFile) -> str:
    with original.open() as src:
        try:
            movie = read_movie(src)
        except FormatError:
            movie = None  # no MP4, or a broken one: inspection will say so; it is still known by its bytes
        return fingerprint(src, movie)


def _asks(jobs: Sequence[Job], profile: Profile, toolchain: str, place: str, ledger: Ledger) -> Iterator[str]:
    """The digests that this asset's jobs may be named by: fresh ones where the old lead nowhere any more.

    Open jobs are continued, dead ones are given new attempts.
    """
    for generation in count():
        ask = digest(RECIPE_VERSION, profile.digest(), toolchain, generation, *([place] if place else []))
        mine = [job for job in jobs if _asked(job, ask)]
        if any(job.state is State.DEAD and failed_on_mixed_builds(job) for job in mine):
            continue  # chunks of two FFmpegs: those of the other are made anew, by fresh jobs
        # What tidies up afterwards makes nothing.
        states = {job.state for job in mine if job.kind != "tidy"}
        if State.DEAD in states:
            ledger.redrive(*[job.id for job in mine if job.state in {State.DEAD, State.CANCELLED}])
        if not mine or State.DEAD in states or states & OPEN:
            yield ask
        # else all is done, yet the asset is not there (removed by hand), or it was cancelled by hand


def _asked(job: Job, ask: str) -> bool:
    return bool(job.spec["ask"] == ask)


def _drop_others(jobs: Sequence[Job], prefix: str, ledger: Ledger) -> None:
    """Cancel the jobs of another toolchain, so that chunks of two encoders never meet."""
    for job in jobs:
        if job.state in OPEN and not job.id.startswith(prefix):
            ledger.cancel(job=job.id, reason="another toolchain or profile was asked for")
