"""Unfinished multipart uploads are aborted on a local server, and no other ones."""

from __future__ import annotations

import os
import re

import pytest
from tests.servers.ministack import Ministack
from tests.servers.scripted import Request, Response, error, scripted

from eddyline.aws.multipart_cleanup import MultipartUploads, multipart_uploads
from eddyline.core.clock import ManualClock

LISTING = """<?xml version="1.0"?><ListMultipartUploadsResult>
<Bucket>b</Bucket><IsTruncated>false</IsTruncated>
<Upload><Key>here/a</Key><UploadId>1</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>
<Upload><Key>here/b</Key><UploadId>2</UploadId><Initiated>2026-01-03T00:00:00.000Z</Initiated></Upload>
</ListMultipartUploadsResult>"""
NOON_OF_THE_THIRD = 1_767_441_600.0


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def _uploads(endpoint: str, messages: list[str], *, bucket: str = "b", prefix: str = "") -> MultipartUploads:
    return multipart_uploads(
        bucket, prefix, endpoint=endpoint, region="us-east-1", on_message=messages.append
    )


def _begin(server: Ministack, bucket: str, key: str) -> None:
    assert server.request("POST", f"/{bucket}/{key}?uploads")[0] == 200


def test_uploads_below_a_folder_of_the_stores_prefix_are_aborted(ministack: Ministack) -> None:
    bucket, messages = ministack.bucket(), list[str]()
    mine = ["media/films/assets/ab/a.mp4", "media/films/assets/ab/stream/b.mp4"]
    others = ["assets/ab/a.mp4", "media/films/assets/ab2/a.mp4", "media/films/other"]
    for key in mine + others:
        _begin(ministack, bucket, key)
    _uploads(ministack.url, messages, bucket=bucket, prefix="media/films").abort("assets/ab")
    assert ministack.uploads(bucket) == others
    assert messages == [f"aborted an unfinished upload of {key}" for key in mine]


def test_uploads_of_a_store_without_a_prefix_are_aborted(ministack: Ministack) -> None:
    bucket, messages = ministack.bucket(), list[str]()
    for key in ("assets/ab/a.mp4", "media/assets/ab/a.mp4"):
        _begin(ministack, bucket, key)
    _uploads(ministack.url, messages, bucket=bucket).abort("assets/ab")
    assert ministack.uploads(bucket) == ["media/assets/ab/a.mp4"]


def test_uploads_on_several_pages_are_aborted() -> None:
    def paged(request: Request) -> Response:
        if request.method != "GET":
            return Response(status=204)
        first = "key-marker=here%2Fb" not in request.path
        more = "<NextKeyMarker>here/b</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker>"
        listing = LISTING if first else re.sub("here/", "here/next-", LISTING)
        return Response(
            body=listing.replace("false<", "true<", first).replace("</Bucket>", f"</Bucket>{more}").encode()
        )

    messages = list[str]()
    with scripted(paged) as server:
        _uploads(server.url, messages).abort("here")
        aborted = [
            request.path.partition("?")[0] for request in server.requests if request.method == "DELETE"
        ]
    assert aborted == ["/b/here/a", "/b/here/b", "/b/here/next-a", "/b/here/next-b"]


def test_only_uploads_initiated_long_enough_ago_are_aborted() -> None:
    def two(request: Request) -> Response:
        return Response(body=LISTING.encode()) if request.method == "GET" else Response(status=204)

    with scripted(two) as server:
        uploads = _uploads(server.url, [])
        uploads._clock = ManualClock(NOON_OF_THE_THIRD)
        uploads.abort("here", older_s=86_400)
        aborted = [
            request.path.partition("?")[0] for request in server.requests if request.method == "DELETE"
        ]
    assert aborted == ["/b/here/a"]


def test_an_upload_that_its_owner_completed_meanwhile_is_ignored() -> None:
    def ended(request: Request) -> Response:
        return Response(body=LISTING.encode()) if request.method == "GET" else error(404, "NoSuchUpload")

    messages = list[str]()
    with scripted(ended) as server:
        _uploads(server.url, messages).abort("here")
        assert [request.method for request in server.requests] == ["GET", "DELETE", "DELETE"]
    assert messages == []


@pytest.mark.parametrize("code", ["AccessDenied", "NotImplemented"])
def test_a_rejected_request_is_reported_once_and_raises_nothing(code: str) -> None:
    messages = list[str]()
    with scripted(lambda _: error(403, code)) as server:
        uploads = _uploads(server.url, messages)
        for folder in ("here", "there"):
            uploads.abort(folder)
        assert len(server.requests) == 2, "a request is sent again: permissions may have been granted"
    (only,) = messages
    assert code in only
    assert "AbortIncompleteMultipartUpload" in only


def test_an_unavailable_server_raises_nothing() -> None:
    messages = list[str]()
    with scripted(lambda _: Response()) as server:
        url = server.url
    _uploads(url, messages).abort("here")
    assert len(messages) == 1
