"""The quotas of an owner: bytes, assets, hours of video and unfinished uploads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert
from tests.unit.library.uploads.upload_helpers import LIMITS, UploadSite, video

from eddyline.graph.db.library_schema import assets
from eddyline.library.uploads.errors import QuotaError, TooManyUploadsError
from eddyline.library.uploads.upload import NewUpload
from eddyline.library.uploads.usage import read_usage

NEW = NewUpload(owner="ann", name="GX010042.MP4", length=3000)


def add_asset(site: UploadSite, *, owner: str = "ann") -> None:
    """An asset of 30 minutes with 1,000 bytes of source and 500 of results."""
    row: dict[str, Any] = {
        "asset": owner.rjust(16, "0"), "owner": owner, "name": "ride", "state": "ready", "created": 1.0,
        "updated": 1.0, "profile": "default", "source": "/card/ride.MP4", "progress": 1.0,
        "duration_s": 1800.0, "source_bytes": 1000, "stored_bytes": 500,
    }  # fmt: skip
    site.ledger.write(lambda c: c.execute(insert(assets), row))


def test_usage_counts_assets_and_unfinished_uploads(site: UploadSite) -> None:
    add_asset(site)
    add_asset(site, owner="bob")
    site.uploads.create(NEW)
    site.upload(video(), owner="ann")
    usage = site.ledger.read(lambda c: read_usage(c, "ann"))
    assert (usage.bytes, usage.assets, usage.video_s, usage.open_uploads) == (1500 + 2 * 3000, 3, 1800.0, 1)


@pytest.mark.parametrize(
    ("enough", "too_small", "message"),
    [
        ({"quota_bytes": 4500}, {"quota_bytes": 4499}, "kB are in use, and the file needs"),
        ({"quota_assets": 2}, {"quota_assets": 1}, "1 of 1 assets are in use"),
        ({"quota_s": 1801.0}, {"quota_s": 1800.0}, "0.5 of 0.5 hours of video are in use"),
    ],
)
def test_an_upload_beyond_a_quota_is_refused_and_leaves_nothing(
    site: UploadSite, enough: dict[str, Any], too_small: dict[str, Any], message: str
) -> None:
    add_asset(site)
    site.uploads.limits = replace(LIMITS, **too_small)
    with pytest.raises(QuotaError, match=message):
        site.uploads.create(NEW)
    assert (site.uploads.files.ids(), site.uploads.listed("ann")) == ([], [])
    site.uploads.create(replace(NEW, owner="carl"))
    site.uploads.limits = replace(LIMITS, **enough)
    site.uploads.create(NEW)


def test_an_owner_has_a_limited_number_of_unfinished_uploads(site: UploadSite) -> None:
    site.uploads.limits = replace(LIMITS, open_uploads=1)
    upload = site.uploads.create(NEW)
    with pytest.raises(TooManyUploadsError, match="1 uploads are unfinished"):
        site.uploads.create(NEW)
    site.uploads.terminate(upload.id, "ann")
    site.uploads.create(NEW)
