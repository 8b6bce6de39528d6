"""The limits of uploads: of one file, of one owner, and of the disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from eddyline.config import Settings
from eddyline.core.formatting import format_size
from eddyline.library.uploads.errors import DiskFullError, QuotaError, TooLargeError, TooManyUploadsError

_GIB = 1024**3
_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """Limits in bytes and seconds; None: unlimited.

    `file_bytes` limits one file, `reserve_bytes` is left free on the disk, `open_uploads` limits the
    unfinished uploads of one owner. `quota_bytes`, `quota_assets` and `quota_s` (of video) limit what one
    owner has. `expires_s`: how long an upload that receives nothing is kept.
    """

    file_bytes: int
    reserve_bytes: int
    open_uploads: int
    expires_s: float
    quota_bytes: int | None = None
    quota_assets: int | None = None
    quota_s: float | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> UploadLimits:
        """The limits of the settings."""
        return cls(
            file_bytes=int(settings.upload_max_gib * _GIB),
            reserve_bytes=int(settings.upload_reserve_gib * _GIB),
            open_uploads=settings.uploads_open,
            expires_s=settings.upload_expires_h * _HOUR_S,
            quota_bytes=None if settings.quota_gib is None else int(settings.quota_gib * _GIB),
            quota_assets=settings.quota_assets,
            quota_s=None if settings.quota_hours is None else settings.quota_hours * _HOUR_S,
        )


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What an owner has: bytes of sources, assets and uploads, assets and uploads, seconds of video."""

    bytes: int
    assets: int
    video_s: float
    open_uploads: int


def check_length(length: int, limits: UploadLimits) -> None:
    """Raise `TooLargeError` for a file that is larger than one may be."""
    if length > limits.file_bytes:
        raise TooLargeError(
            f"the file has {format_size(length)}; the server accepts {format_size(limits.file_bytes)}",
            remedy="split the recording, or ask the operator to raise EDDYLINE_UPLOAD_MAX_GIB",
        )


def check_owner(usage: Usage, more_bytes: int, limits: UploadLimits, *, new: bool = True) -> None:
    """Raise `QuotaError` or `TooManyUploadsError` if an upload of `more_bytes` exceeds the owner's limits.

    `new`: it is one more upload; otherwise an upload in `usage` grows.
    """
    if new and usage.open_uploads >= limits.open_uploads:
        raise TooManyUploadsError(
            f"{usage.open_uploads} uploads are unfinished; an owner may have {limits.open_uploads}",
            remedy="finish or cancel some of them",
        )
    if limits.quota_bytes is not None and usage.bytes + more_bytes > limits.quota_bytes:
        raise QuotaError(
            f"{format_size(usage.bytes)} of {format_size(limits.quota_bytes)} are in use, and the file needs"
            f" {format_size(more_bytes)} more",
            remedy="delete assets, or ask the operator to raise EDDYLINE_QUOTA_GIB",
        )
    if new and limits.quota_assets is not None and usage.assets >= limits.quota_assets:
        raise QuotaError(
            f"{usage.assets} of {limits.quota_assets} assets are in use",
            remedy="delete assets, or ask the operator to raise EDDYLINE_QUOTA_ASSETS",
        )
    if limits.quota_s is not None and usage.video_s >= limits.quota_s:
        raise QuotaError(
            f"{usage.video_s / _HOUR_S:.1f} of {limits.quota_s / _HOUR_S:g} hours of video are in use",
            remedy="delete assets, or ask the operator to raise EDDYLINE_QUOTA_HOURS",
        )


def check_disk(directory: Path, more_bytes: int, limits: UploadLimits) -> None:
    """Raise `DiskFullError` unless the disk of `directory` has room for `more_bytes` and the reserve."""
    free = shutil.disk_usage(directory).free
    if free - more_bytes < limits.reserve_bytes:
        raise DiskFullError(
            f"the disk of the server has {format_size(max(free - limits.reserve_bytes, 0))} left for uploads,"
            f" and the file needs {format_size(more_bytes)}",
            remedy="try again later, or ask the operator to free disk space",
        )
