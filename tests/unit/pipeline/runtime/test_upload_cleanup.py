"""Incomplete uploads are aborted: those of a published asset, and old ones everywhere."""

from __future__ import annotations

from eddyline.core.clock import ManualClock
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup

HOUR_S, DAY_S = 3_600.0, 86_400.0


class Recorded:
    """Records which uploads would be aborted."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    def abort(self, folder: str, *, older_s: float = 0.0) -> None:
        self.asked.append((folder, older_s))


def test_all_uploads_of_a_published_asset_are_aborted() -> None:
    uploads = Recorded()
    UploadCleanup(uploads, ManualClock()).clean("ab12")
    assert uploads.asked[:2] == [(".eddyline/parts/ab12", 0.0), ("assets/ab12", 0.0)]


def test_elsewhere_only_uploads_older_than_any_job_are_aborted() -> None:
    uploads = Recorded()
    UploadCleanup(uploads, ManualClock()).clean("ab12")
    assert uploads.asked[2:] == [(".eddyline", DAY_S), ("assets", DAY_S), ("sources", 7 * DAY_S)]


def test_the_whole_store_is_swept_at_most_once_an_hour() -> None:
    uploads, clock = Recorded(), ManualClock()
    unfinished = UploadCleanup(uploads, clock)
    for _ in range(3):
        unfinished.clean("ab12")
    assert len(uploads.asked) == 3 * 2 + 3
    clock.advance(HOUR_S)
    unfinished.clean("ab12")
    assert len(uploads.asked) == 4 * 2 + 2 * 3


def test_without_ages_only_the_asset_is_cleaned() -> None:
    uploads = Recorded()
    UploadCleanup(uploads, ManualClock(), ages={}).clean("ab12")
    assert len(uploads.asked) == 2


def test_a_store_without_multipart_uploads_is_accepted() -> None:
    UploadCleanup().clean("ab12")
