"""The errors of uploads, by what the client can do about them."""

from __future__ import annotations

from eddyline.core.errors import EddylineError, InputError, TransientError


class UploadMissingError(EddylineError):
    """The upload does not exist, has expired, or belongs to another owner."""


class UploadEndedError(EddylineError):
    """The upload failed or was refused; its bytes are deleted."""


class OffsetError(EddylineError):
    """The request starts at another offset than the upload; `offset` is the valid one, in bytes."""

    def __init__(self, offset: int) -> None:
        super().__init__(
            f"the upload continues at byte {offset}", remedy="request the offset by HEAD, and continue there"
        )
        self.offset = offset


class UploadBusyError(EddylineError):
    """Another request writes to the upload."""

    default_remedy = "wait a second, request the offset by HEAD, and continue there"


class ElsewhereError(EddylineError):
    """The bytes of the upload are in the directory of another server."""

    default_remedy = "servers behind one address must share the directory of uploads"


class TakenOverError(EddylineError):
    """Another request has taken over the upload."""

    default_remedy = "only one request at a time may write to an upload"


class TooLargeError(EddylineError):
    """More bytes than one file may have, or than its declared length."""


class QuotaError(EddylineError):
    """The owner has as much as it may have."""


class DiskFullError(TransientError):
    """The disk of the server has too little space."""


class TooManyUploadsError(EddylineError):
    """The owner has too many unfinished uploads."""


class FileTypeError(InputError):
    """The file is not a video that Eddyline supports."""
