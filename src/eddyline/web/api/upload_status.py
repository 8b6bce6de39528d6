"""What a client asks about uploads beside the tus protocol: a plan, what is known of a file, the list."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from eddyline.core.errors import UsageError
from eddyline.library.uploads import plan as plans
from eddyline.library.uploads.recordings import submit_now
from eddyline.library.uploads.upload import MAX_PARTS, Upload
from eddyline.media.ladder.profile import load_profile, profile_names
from eddyline.web.api.errors import declare
from eddyline.web.auth.dependencies import Reader, Writer
from eddyline.web.tus.protocol import tus_errors
from eddyline.web.upload_services import WithUploads

router = APIRouter(tags=["uploads"])

_MAX_PATH = 1024
_MAX_SIZE = 2**62
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChosenFile(_Model):
    """A file that a user chose."""

    path: Annotated[str, Field(max_length=_MAX_PATH, examples=["DCIM/100GOPRO/GX010042.MP4"])]
    size: Annotated[int, Field(ge=0, le=_MAX_SIZE, strict=True)]


class PlanRequest(_Model):
    """The files that a user chose."""

    files: Annotated[list[ChosenFile], Field(max_length=plans.MAX_FILES)]


class Skipped(_Model):
    """A file that is not uploaded, by its number in the request, and the reason."""

    file: int
    reason: str


class Plan(_Model):
    """The recordings to upload: the numbers of the files of each, in order."""

    recordings: list[list[int]]
    skipped: list[Skipped]


class LookupRequest(_Model):
    """The fingerprints of the files of one recording, in order, and the first bytes of the first file."""

    fingerprints: Annotated[list[_Digest], Field(min_length=1, max_length=MAX_PARTS)]
    profile: str = "default"
    head: Annotated[
        str | None, Field(max_length=16_384, description="The first 4,096 bytes of the file, in Base64.")
    ] = None


class UploadStatus(_Model):
    """An upload: OPEN uploads can be continued; `asset` is set once it was submitted."""

    id: str
    name: str
    state: Literal["open", "complete", "storing", "submitted", "failed"]
    length: int | None
    offset: int
    profile: str
    fingerprint: str
    recording: str
    part: int
    parts: int
    created: float
    expires: float
    sha256: str | None
    asset: str | None
    failure: dict[str, Any] | None


class Known(_Model):
    """What the owner has of a recording: its asset, or unfinished uploads; `reason`: it is not a video."""

    asset: str | None
    state: str | None
    uploads: list[UploadStatus]
    reason: str | None
    remedy: str | None


@router.post("/uploads/plan", responses=declare(413))
def plan_uploads(body: PlanRequest, principal: Reader, uploads: WithUploads) -> Plan:  # noqa: ARG001 - required
    """Which of these files to upload, by the rules of `eddyline run`, and which belong to one recording."""
    files = [plans.ChosenFile(path=each.path, size=each.size) for each in body.files]
    plan = plans.plan_uploads(files, uploads.limits)
    return Plan(
        recordings=[list(each) for each in plan.recordings],
        skipped=[Skipped(file=number, reason=reason) for number, reason in plan.skipped],
    )


@router.post("/uploads/lookup")
def look_up(body: LookupRequest, principal: Reader, uploads: WithUploads) -> Known:
    """Whether a recording is in the owner's library already, or an upload of it can be continued."""
    if body.profile not in profile_names():
        raise UsageError("unknown profile", remedy=f"choose one of {', '.join(profile_names())}")
    known = plans.look_up(
        uploads,
        owner=principal.owner,
        fingerprints=body.fingerprints,
        profile=load_profile(body.profile),
        head=_decode(body.head),
    )
    return Known(
        asset=known.asset or None,
        state=known.state or None,
        uploads=[_status(each) for each in known.uploads],
        reason=known.reason or None,
        remedy=known.remedy or None,
    )


@router.get("/uploads")
def list_uploads(principal: Reader, uploads: WithUploads) -> list[UploadStatus]:
    """The owner's uploads, oldest first: unfinished ones, and those that ended within a day."""
    return [_status(each) for each in uploads.listed(principal.owner)]


@router.get("/uploads/{upload}")
def read_upload(upload: str, principal: Reader, uploads: WithUploads) -> UploadStatus:
    """One upload."""
    with tus_errors():
        return _status(uploads.get(upload, principal.sees))


@router.post("/uploads/{upload}/submit")
def submit_upload(upload: str, principal: Writer, uploads: WithUploads) -> UploadStatus:
    """Submit the recording of a complete upload without waiting for its missing files."""
    with tus_errors():
        return _status(submit_now(uploads, upload, principal.sees))


def _decode(head: str | None) -> bytes | None:
    if head is None:
        return None
    try:
        return base64.b64decode(head, validate=True)
    except binascii.Error as error:
        raise UsageError("head is not Base64") from error


def _status(upload: Upload) -> UploadStatus:
    return UploadStatus(
        id=upload.id,
        name=upload.name,
        state=upload.state.value,
        length=upload.length,
        offset=upload.offset,
        profile=upload.profile,
        fingerprint=upload.fingerprint,
        recording=upload.recording,
        part=upload.part,
        parts=upload.parts,
        created=upload.created,
        expires=upload.expires,
        sha256=upload.sha256,
        asset=upload.asset,
        failure=upload.failure,
    )
