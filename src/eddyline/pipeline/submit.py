"""Footage becomes assets: known by content, never by name or arrival, and submitted at most once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eddyline.core.errors import FormatError, MissingError
from eddyline.core.identity import digest
from eddyline.core.store import Store
from eddyline.graph.ledger import Ledger
from eddyline.graph.states import OPEN, State
from eddyline.media.probe import fingerprint
from eddyline.media.profile import Profile
from eddyline.mp4.index import read_movie
from eddyline.mp4.ranges import FileRanges
from eddyline.pipeline.bench import Bench
from eddyline.pipeline.footage import Chapter, Original
from eddyline.pipeline.layout import asset_key, manifest_key
from eddyline.pipeline.plan import RECIPE, inspect_job, job_id


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """One source's asset. `standing`: "published" already, or "open": there is work to be done."""

    asset: str
    name: str
    source: Path
    standing: Literal["published", "open"]


def identify(path: Path, profile: Profile) -> tuple[str, str]:
    """(asset, fingerprint) of a local file, read by ranges. Raises `MissingError`.

    The same footage asked for in the same way is one asset, whatever the files are called.
    """
    with FileRanges(path) as src:
        try:
            movie = read_movie(src)
        except FormatError:
            movie = None  # no MP4, or a broken one: inspection will say so; it is still known by its bytes
        print_ = fingerprint(src, movie)
    return digest(print_, profile.digest())[:16], print_


def identify_recording(chapters: Sequence[Path], profile: Profile) -> tuple[str, str, tuple[Chapter, ...]]:
    """(asset, fingerprint, chapters) of a recording in several files, in order. Raises `MissingError`."""
    told = tuple(
        Chapter(original=Original.of(path.absolute()), fingerprint=identify(path, profile)[1])
        for path in chapters
    )
    print_ = digest("chapters", *(chapter.fingerprint for chapter in told))
    return digest(print_, profile.digest())[:16], print_, told


def submit(
    path: Path, profile: Profile, *, bench: Bench, ledger: Ledger, chapters: Sequence[Path] = ()
) -> Submitted:
    """Make sure that the work for one source is in the ledger, or done. Safe to repeat at any time.

    `chapters` are all files, in order, of a recording whose first is `path`: they become one asset. What
    failed before is tried anew, because someone asked again. Raises `MissingError`.
    """
    original = Original.of(path.absolute())
    told: tuple[Chapter, ...] = ()
    if chapters:
        asset, print_, told = identify_recording(chapters, profile)
    else:
        asset, print_ = identify(path, profile)
    if published(bench.store, asset):
        return Submitted(asset=asset, name=path.name, source=path, standing="published")
    bench.store.delete(manifest_key(asset))
    bench.sources.remember(asset, original, told)
    ask = _ask(asset, profile, bench.tools.identity, ledger)
    name = path.name
    for job in ledger.jobs(asset=asset):
        if job.kind == "inspect" and job.spec["ask"] == ask:
            name = job.spec["name"]
    root = inspect_job(asset=asset, name=name, fingerprint=print_, ask=ask, profile=profile)
    ledger.submit([root])
    return Submitted(asset=asset, name=name, source=path, standing="open")


def published(store: Store, asset: str) -> bool:
    """Whether the asset's manifest is there and so is, in its full size, everything that it names."""
    try:
        manifest = json.loads(store.get(manifest_key(asset)))
    except MissingError:
        return False
    except ValueError:
        return False
    names = [manifest["pictures"]["poster"], *(manifest["stream"] or {}).values(), "index.html"]
    films = all(
        store.size(asset_key(asset, film["path"])) == film["bytes"] for film in manifest["renditions"]
    )
    return films and all(store.size(asset_key(asset, name)) for name in names)


def _ask(asset: str, profile: Profile, toolchain: str, ledger: Ledger) -> str:
    """The digest that this asset's jobs are named by: a fresh one where the old jobs lead nowhere any more.

    Open jobs are continued, dead ones are given new attempts, and jobs of another toolchain are cancelled, so
    that chunks of two encoders never meet.
    """
    jobs = ledger.jobs(asset=asset)
    generation = 0
    while True:
        ask = digest(RECIPE, profile.digest(), toolchain, generation)
        mine = [job for job in jobs if job.spec["ask"] == ask]
        states = {job.state for job in mine}
        if State.DEAD in states:
            ledger.redrive(*[job.id for job in mine if job.state in {State.DEAD, State.CANCELLED}])
        if not mine or State.DEAD in states or states & OPEN:
            break
        generation += 1  # all done, yet the asset is not there (removed by hand), or cancelled by hand
    prefix = job_id(asset, ask, "")
    for job in jobs:
        if job.state in OPEN and not job.id.startswith(prefix):
            ledger.cancel(job=job.id, reason="another toolchain or profile was asked for")
    return ask
