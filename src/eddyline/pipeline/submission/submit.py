"""Submits recordings as assets, which are identified by content; the same work is submitted at most once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

from eddyline.core.errors import FormatError
from eddyline.core.identity import digest
from eddyline.graph.job import Job
from eddyline.graph.ledger.catalogue.asset import AssetState, BeingDeletedError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.fingerprint import fingerprint
from eddyline.mp4.index import read_movie
from eddyline.pipeline.planning.destination import require_single_store, store_identity
from eddyline.pipeline.planning.job_ids import job_id, request_digest
from eddyline.pipeline.planning.job_kinds import job_kind
from eddyline.pipeline.planning.job_options import DEFAULT_OPTIONS, JobOptions
from eddyline.pipeline.planning.plan import RECIPE_VERSION
from eddyline.pipeline.planning.plan_jobs import inspect_job
from eddyline.pipeline.publication.published import is_published
from eddyline.pipeline.runtime.encoder_consistency import failed_on_mixed_builds
from eddyline.pipeline.runtime.source_files import ChapterFile, SourceFile, SourceRegistry
from eddyline.store.ranges import Ranges
from eddyline.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """The asset of one recording; `source` is the address of its first file, as given.

    `status`: "published" already, or "open": there are jobs to run.
    """

    asset: str
    name: str
    source: str
    status: Literal["published", "open"]


def identify(
    addresses: Sequence[str | Path], profile: Profile, owner: str = ""
) -> tuple[str, str, tuple[ChapterFile, ...]]:
    """(asset, fingerprint, chapters) of a recording in several files, in order, read by ranges.

    The same content with the same profile is one asset of an owner under any file names. Raises
    `MissingError`.
    """
    chapters = tuple(_chapter_file(SourceFile.current(address)) for address in addresses)
    content = digest("chapters", *(chapter.fingerprint for chapter in chapters))
    return asset_id(content, profile, owner), content, chapters


def asset_id(content: str, profile: Profile, owner: str) -> str:
    """The id of the asset of a content's fingerprint (hex), a profile and an owner ("": none).

    The fingerprint covers only a sample of the bytes. Owners do not share assets, so that a file with the
    same sample neither reveals nor damages the asset of another owner.
    """
    return digest(content, profile.digest(), *([owner] if owner else []))[:16]


def submit(
    addresses: Sequence[str],
    profile: Profile,
    *,
    store: Store,
    ledger: Ledger,
    toolchain: str,
    options: JobOptions = DEFAULT_OPTIONS,
    pool: str | None = None,
) -> Submitted:
    """Ensure that the jobs of one recording are in the ledger, or done. Can be repeated at any time.

    Several processes may submit the same recording at once, while workers publish the asset: a published
    asset is never changed here. `addresses` are the recording's files, in order. `toolchain` identifies the
    programs; open jobs for another one are cancelled. `pool` is the pool that inspects (None: the built-in
    one). Jobs that failed before get new attempts. Raises `MissingError`, `UsageError`, and, before anything
    is written, `BeingDeletedError`.
    """
    chapters: tuple[ChapterFile, ...] = ()
    if len(addresses) > 1:
        asset, content, chapters = identify(addresses, profile, options.owner)
        original = chapters[0].original
    else:
        original = SourceFile.current(addresses[0])
        content = _chapter_file(original).fingerprint
        asset = asset_id(content, profile, options.owner)
    submitted = Submitted(asset=asset, name=original.name, source=str(addresses[0]), status="open")
    identity = store_identity(store)
    found = ledger.catalogue.get(asset)
    if found is not None and found.state is AssetState.DELETING:
        # The deletion reads the record of the source: it must not find that of the new submission.
        raise BeingDeletedError(f"asset {asset} is being deleted")
    # Jobs first: workers publish before they report, so if all jobs are done, the manifest is stored.
    jobs = ledger.jobs(asset=asset)
    if is_published(store, asset):
        return replace(submitted, status="published")
    require_single_store(identity, jobs)
    SourceRegistry(store).save(asset, original, chapters)
    for request in _requests(jobs, profile, toolchain, identity, ledger):
        own = [job for job in jobs if request_digest(job) == request]
        name = next((job.spec["name"] for job in own if "name" in job.spec), original.name)
        first = inspect_job(
            asset=asset,
            name=name,
            fingerprint=content,
            request=request,
            profile=profile,
            store=identity,
            options=options,
            pool=pool,
            source=submitted.source,
        )
        # A job that is only in the archive was done long ago, and its output is gone: try the next request.
        if ledger.submit([first]) > 0 or ledger.job(first.id) is not None:
            break
    _cancel_others(jobs, job_id(asset, request, ""), ledger)
    return replace(submitted, name=name)


def fingerprint_source(src: Ranges) -> str:
    """The fingerprint (hex) of an open source, also of one that is not a valid MP4."""
    try:
        movie = read_movie(src)
    except FormatError:
        movie = None  # inspection reports what is wrong
    return fingerprint(src, movie)


def _chapter_file(original: SourceFile) -> ChapterFile:
    with original.open() as src:
        return ChapterFile(original=original, fingerprint=fingerprint_source(src))


def _requests(
    jobs: Sequence[Job], profile: Profile, toolchain: str, store: str, ledger: Ledger
) -> Iterator[str]:
    """The digests under which this asset can be requested; a new one if jobs of the old cannot be continued.

    Open jobs are continued, dead ones get new attempts.
    """
    for generation in count():
        request = digest(RECIPE_VERSION, profile.digest(), toolchain, generation, *([store] if store else []))
        own = [job for job in jobs if request_digest(job) == request]
        if any(job.state is State.DEAD and failed_on_mixed_builds(job) for job in own):
            continue  # chunks of two builds of FFmpeg: new jobs encode those of the other build again
        states = {job.state for job in own if not job_kind(job.kind).internal}
        if State.DEAD in states:
            ledger.redrive(*[job.id for job in own if job.state in {State.DEAD, State.CANCELLED}])
        if not own or State.DEAD in states or states & OPEN:
            yield request
        # Else all jobs are done but the asset was removed, or its jobs were cancelled: use a new request.


def _cancel_others(jobs: Sequence[Job], prefix: str, ledger: Ledger) -> None:
    """Cancel jobs for another toolchain, so that chunks of two encoders are never joined."""
    for job in jobs:
        if job.state in OPEN and not job.id.startswith(prefix):
            ledger.cancel(job=job.id, reason="another toolchain or profile was requested")
