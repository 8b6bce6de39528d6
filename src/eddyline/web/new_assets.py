"""Creates assets from what clients name: a finished upload, a URL, or an object of a store."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from eddyline.app.submit import FLEET
from eddyline.core.errors import EddylineError, MissingError, UnsupportedError, UsageError
from eddyline.graph.ledger.catalogue.asset import BeingDeletedError
from eddyline.library.import_keys import checked_import
from eddyline.library.uploads.errors import UploadMissingError
from eddyline.library.uploads.recordings import submit_now
from eddyline.library.uploads.upload import Upload, UploadState
from eddyline.library.uploads.uploads import Uploads
from eddyline.media.ladder.profile import Profile, load_profile, profile_names
from eddyline.pipeline.planning.job_options import JobOptions
from eddyline.pipeline.planning.routing import inspect_pool
from eddyline.pipeline.submission.stored_sources import find_object
from eddyline.pipeline.submission.submit import Submitted, submit
from eddyline.web import problems
from eddyline.web.auth.principal import Principal, Scope
from eddyline.web.background_work import open_importer
from eddyline.web.problems import Problem
from eddyline.web.services import Services
from eddyline.web.tus.protocol import problem_of

_MAX_TIME = 4e9  # seconds since 1970: the year 2096
_MAX_STARTING = 8  # requests that wait for other servers at once: they must not take all threads
_starting = threading.BoundedSemaphore(_MAX_STARTING)


class NewAsset(BaseModel, extra="forbid"):
    """A source, exactly one of `upload`, `url` and `key`, and how to process it."""

    upload: str | None = Field(
        default=None, max_length=100, description="The id of an upload that is complete.", examples=[None]
    )
    url: str | None = Field(
        default=None,
        max_length=2000,
        description="An http or https address of a public server; it must support ranges.",
        examples=[None],
    )
    key: str | None = Field(
        default=None,
        max_length=1200,
        description="The address of an object below a prefix of the owner (EDDYLINE_IMPORT_PREFIXES).",
        examples=["s3://footage/rides/GX010001.MP4"],
    )
    profile: str = Field(default="default", max_length=60, examples=["default"])
    owner: str | None = Field(
        default=None, max_length=200, description="Another owner; for administrators.", examples=[None]
    )
    urgency: Literal["interactive", "bulk"] = "interactive"
    deadline: float | None = Field(
        default=None,
        ge=0,
        le=_MAX_TIME,
        allow_inf_nan=False,
        description="When the asset should be ready, in seconds since 1970.",
        examples=[None],
    )
    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        pattern=r"^[^\\/\x00-\x1f\x7f]+$",
        description="The name of the asset, if the URL does not have a good one.",
        examples=[None],
    )

    @model_validator(mode="after")
    def _check_source(self) -> Self:
        if sum(each is not None for each in (self.upload, self.url, self.key)) != 1:
            raise ValueError("exactly one of upload, url and key is required")
        if self.name is not None and self.url is None:
            raise ValueError("name is for a url: an upload and an object have names")
        if self.upload is not None and (self.profile != "default" or self.owner or self.deadline):
            raise ValueError("profile, owner and deadline of an upload are set when it is created")
        if self.key is None and (self.urgency != "interactive" or self.deadline is not None):
            raise ValueError("urgency and deadline are for a key")
        return self


def owner_of(new: NewAsset, principal: Principal) -> str:
    """The owner of a new asset. Raises `Problem` 403 if the principal names another one than itself."""
    if new.owner is None or new.owner == principal.owner:
        return principal.owner
    if principal.scope is not Scope.ADMIN:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "only administrators create assets of other owners",
            remedy="leave out owner, or use a token with scope admin",
        )
    return new.owner


def profile_of(new: NewAsset) -> Profile:
    """A built-in profile. Raises `Problem` 422; a path is never read."""
    if new.profile not in profile_names():
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"unknown profile {new.profile!r}",
            remedy=f"choose one of {', '.join(profile_names())}",
        )
    return load_profile(new.profile)


def import_object(services: Services, new: NewAsset, key: str, owner: str) -> Submitted:
    """Submit an object of a store.

    Raises `Problem` 422 if it may not be imported, or does not exist, 409 while its asset is being deleted.
    """
    settings = services.shared.settings
    address = checked_import(key, owner=owner, prefixes=settings.import_prefixes)
    profile = profile_of(new)
    try:
        return submit(
            [find_object(address)],
            profile,
            store=services.store,
            ledger=services.ledger,
            toolchain=FLEET,
            options=JobOptions(owner=owner, urgency=new.urgency, deadline=new.deadline),
            pool=inspect_pool(services.pools),
        )
    except BeingDeletedError as error:
        raise Problem(
            HTTPStatus.CONFLICT,
            error.message,
            remedy="repeat the request in a minute",
            headers={"Retry-After": "10"},
        ) from error
    except (MissingError, UsageError) as error:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            error.message,
            remedy="check the key, and that the server may read the bucket",
        ) from error


def import_url(services: Services, new: NewAsset, url: str, owner: str) -> Upload:
    """Start to import a file from a URL; returns its upload, which is downloaded in the background.

    Raises `Problem` 422 if the URL is invalid or private, or does not lead to a video that is read by
    ranges; 503 if its server is unavailable, or this one waits for too many others; 413, 429 or 507 if the
    limits of uploads do not allow it.
    """
    profile_of(new)
    with _import_errors():
        return open_importer(services).start(url, owner=owner, profile=new.profile, name=new.name or "")


@contextmanager
def _import_errors() -> Iterator[None]:
    if not _starting.acquire(blocking=False):
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{_MAX_STARTING} imports are being started",
            remedy="repeat the request in a few seconds",
            headers={"Retry-After": "5"},
        )
    try:
        yield
    except (MissingError, UsageError, UnsupportedError) as error:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, error.message, remedy=error.remedy or "check the URL"
        ) from error
    except EddylineError as error:
        problem = problem_of(error)
        problem.headers.pop("Tus-Resumable", None)
        problem.remedy = problem.remedy or "check the URL, and repeat the request later"
        raise problem from error
    finally:
        _starting.release()


def submit_upload(uploads: Uploads, upload: str, principal: Principal) -> str | None:
    """Submit a complete upload now; returns its asset, or None while its file is being stored.

    Raises `Problem` 404 if the upload does not exist, 409 if bytes are missing, 422 if it failed.
    """
    try:
        found = submit_now(uploads, upload, principal.sees)
    except UploadMissingError:
        raise problems.not_found() from None
    if found.state is UploadState.OPEN:
        raise Problem(
            HTTPStatus.CONFLICT,
            "the upload is not complete",
            remedy=f"send the bytes from {found.offset} to /api/v1/uploads/{upload}",
        )
    if found.state is UploadState.FAILED:
        failure = found.failure or {}
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            str(failure.get("message") or "the upload failed"),
            remedy=str(failure.get("remedy") or "upload the file again"),
        )
    return found.asset
