"""What killed processes had sent of large objects is aborted once an asset is there, and all that is old."""

from __future__ import annotations

from eddyline.core.clock import ManualClock
from eddyline.pipeline.runtime.upload_cleanup import UploadCleanup

HOUR_S, DAY_S = 3_600.0, 86_400.0


class Recorded:
    """Uploads of which it is only noted which were to be aborted."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    def abort(self, folder: str, *, older_s: float = 0.0) -> None:
        self.asked.append((folder, older_s))


def test_all_on_its_way_to_an_asset_that_is_there_is_aborted_whatever_its_age() -> None:
    uploads = Recorded()
    UploadCleanup(uploads, ManualClock()).clean("ab12")
    assert uploads.asked[:2] == [(".eddyline/parts/ab12", 0.0), ("assets/ab12", 0.0)]


def test_elsewhere_only_what_no_job_can_be_at_any_more_is_aborted_and_sources_have_longer() -> None:
    uploads = Recorded()
    UploadCleanup(uploads, ManualClock()).clean("ab12")
    assert uploads.asked[2:] == [(".eddyline", DAY_S), ("assets", DAY_S), ("sources", 7 * DAY_S)]


def test_the_whole_store_is_looked_at_no_more_than_once_an_hour() -> None:
    uploads, clock = Recorded(), ManualClock()
    unfinished = UploadCleanup(uploads, clock)
    for _ in range(3):
        unfinished.clean("ab12")
    assert len(uploads.asked) == 3 * 2 + 3
    clock.advance(HOUR_S)
    unfinished.clean("ab12")
    assert len(uploads.asked) == 4 * 2 + 2 * 3


def test_where_to_look_may_be_left_out() -> None:
    uploads = Recorded()
    UploadCleanup(uploads, ManualClock(), ages={}).clean("ab12")
    assert len(uploads.asked) == 2


def test_a_store_that_keeps_no_uploads_is_asked_for_none() -> None:
    UploadCleanup().clean("ab12")
