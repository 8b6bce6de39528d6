"""What a client should do with the files that a user chose, before it reads or sends any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sqlalchemy import select

from eddyline.core.errors import EddylineError
from eddyline.core.formatting import format_size
from eddyline.edit.merge.chapters import group_chapters
from eddyline.graph.db.library_schema import uploads as table
from eddyline.library.uploads import limits as checks
from eddyline.library.uploads.existing_assets import asset_of, find_present
from eddyline.library.uploads.upload import Upload, UploadState
from eddyline.library.uploads.uploads import Uploads, check_type
from eddyline.media.ladder.profile import Profile
from eddyline.pipeline.submission.file_types import recording_order, skip_reason_by_name

MAX_FILES = 10_000
"""The most files of one plan."""


@dataclass(frozen=True, kw_only=True)
class ChosenFile:
    """A file that a user chose: its path below what was chosen, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, kw_only=True)
class UploadPlan:
    """The files to upload, as numbers of chosen files: by recording, in order. The others with the reason."""

    recordings: tuple[tuple[int, ...], ...]
    skipped: tuple[tuple[int, str], ...]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the server has of a recording: its asset (""), or the unfinished uploads of its files."""

    asset: str = ""
    state: str = ""
    uploads: tuple[Upload, ...] = ()
    reason: str = ""
    remedy: str = ""


def plan_uploads(files: Sequence[ChosenFile], limits: checks.UploadLimits) -> UploadPlan:
    """Skip what is not video by its name, group chapters of one recording, and sort as they were recorded."""
    skipped: list[tuple[int, str]] = []
    by_path: dict[str, int] = {}
    for number, file in enumerate(files):
        reason = _skip_reason(file, limits)
        if not reason and file.path in by_path:
            reason = "the same file was chosen twice"
        if reason:
            skipped.append((number, reason))
        else:
            by_path[file.path] = number
    ordered = sorted(
        by_path, key=lambda path: (str(PurePosixPath(path).parent), recording_order(_name(path)))
    )
    recordings = tuple(tuple(by_path[path] for path in paths) for paths in group_chapters(ordered))
    return UploadPlan(recordings=recordings, skipped=tuple(skipped))


def look_up(
    uploads: Uploads, *, owner: str, fingerprints: Sequence[str], profile: Profile, head: bytes | None = None
) -> Known:
    """What this owner has of the recording whose files have these fingerprints, in order.

    `head`: the first bytes of its first file; `Known.reason` says why it is not a video.
    """
    if head is not None:
        try:
            check_type(head)
        except EddylineError as error:
            return Known(reason=error.message, remedy=error.remedy)
    asset = asset_of(fingerprints, profile, owner)
    if (present := find_present(uploads.ledger, asset)) is not None:
        return Known(asset=asset, state=present[0])
    unfinished = (UploadState.OPEN.value, UploadState.COMPLETE.value, UploadState.STORING.value)
    query = (
        select(table)
        .where(
            table.c.owner == owner,
            table.c.state.in_(unfinished),
            table.c.fingerprint.in_(list(fingerprints)),
        )
        .order_by(table.c.created, table.c.id)
    )
    found = uploads.ledger.read(lambda c: [Upload.of_row(row) for row in c.execute(query)])
    # A recording in other files, or with another profile, is another upload.
    fits = [each for each in found if each.parts == len(fingerprints) and each.profile == profile.name]
    return Known(uploads=tuple(fits))


def _skip_reason(file: ChosenFile, limits: checks.UploadLimits) -> str:
    name = _name(file.path)
    if name.startswith("."):
        return "a hidden file"
    if reason := skip_reason_by_name(name):
        return reason
    if file.size == 0:
        return "the file is empty"
    if file.size > limits.file_bytes:
        return f"it has {format_size(file.size)}; the server accepts at most {format_size(limits.file_bytes)}"
    return ""


def _name(path: str) -> str:
    return PurePosixPath(path).name
