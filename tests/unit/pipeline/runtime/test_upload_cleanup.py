"""Incomplete uploads are aborted: those of a published asset, and old ones everywhere."""

from __future__ import annotations

from eddyline.core.clock import ManualClock
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup

HOUR_S, DAY_S = 3_600.0, 86_400.0


class RecordingUploads:
    """Records which uploads would be aborted."""

    def __init__(self) -> None:
        self.aborted: list[tuple[str, float]] = []

    def abort(self, folder: str, *, older_s: float = 0.0) -> None:
        self.aborted.append((folder, older_s))


def test_all_uploads_of_a_published_asset_are_aborted() -> None:
    uploads = RecordingUploads()
    UploadCleanup(uploads, ManualClock()).clean("ab12")
    assert uploads.aborted[:2] == [(".eddyline/parts/ab12", 0.0), ("assets/ab12", 0.0)]


def test_in_the_whole_store_only_uploads_older_than_any_job_are_aborted() -> None:
    uploads = RecordingUploads()
    UploadCleanup(uploads, ManualClock()).clean("ab12")
    assert uploads.aborted[2:] == [(".eddyline", DAY_S), ("assets", DAY_S), ("sources", 7 * DAY_S)]


def test_the_whole_store_is_cleaned_at_most_once_an_hour() -> None:
    uploads, clock = RecordingUploads(), ManualClock()
    cleanup = UploadCleanup(uploads, clock)
    for _ in range(3):
        cleanup.clean("ab12")
    assert len(uploads.aborted) == 3 * 2 + 3
    clock.advance(HOUR_S)
    cleanup.clean("ab12")
    assert len(uploads.aborted) == 4 * 2 + 2 * 3


def test_without_ages_only_the_asset_is_cleaned() -> None:
    uploads = RecordingUploads()
    UploadCleanup(uploads, ManualClock(), ages={}).clean("ab12")
    assert len(uploads.aborted) == 2


def test_a_store_without_multipart_uploads_is_accepted() -> None:
    UploadCleanup().clean("ab12")
