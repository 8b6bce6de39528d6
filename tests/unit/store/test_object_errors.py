"""Errors of object stores, returned by a test server."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from tests.servers.ministack import any_keys
from tests.servers.scripted import Request, Response, Scripted, error, scripted

from eddyline.core.errors import EddylineError, MissingError, TransientError, UsageError
from eddyline.store.objects import ObjectStore
from eddyline.store.open_store import open_store
from eddyline.store.store_settings import StoreSettings


def _open(url: str, **settings: float) -> ObjectStore:
    keys: dict[str, float] = {"retries": 2, "retry_for_s": 5, **settings}
    store = open_store(
        "s3://bucket",
        StoreSettings(
            endpoint=url,
            region="eu-west-1",
            credentials=any_keys,
            retries=int(keys["retries"]),
            retry_for_s=keys["retry_for_s"],
            read_s=keys.get("read_s", 5),
        ),
    )
    assert isinstance(store, ObjectStore)
    return store


def _always(response: Response) -> Callable[[Request], Response]:
    return lambda _request: response


@pytest.mark.parametrize(
    ("response", "kind", "message"),
    [
        (error(403, "AccessDenied"), UsageError, r"access is denied \(the credentials need .*s3:PutObject"),
        (error(403, "SomethingElse"), UsageError, "access is denied"),
        (error(401, "OtherCode"), UsageError, "credentials are invalid"),
        (error(403, "InvalidAccessKeyId"), UsageError, "the access key is unknown"),
        (error(403, "SignatureDoesNotMatch"), UsageError, "the secret key is invalid"),
        (error(403, "RequestTimeTooSkewed"), UsageError, "the clock of this machine is wrong"),
        (error(400, "AuthorizationHeaderMalformed"), UsageError, r"another region \(set AWS_REGION"),
        (error(301, "PermanentRedirect"), UsageError, r"another region \(set AWS_REGION"),
        (error(403, "InvalidObjectState"), UsageError, r"the object is archived \(restore it first"),
        (error(404, "NoSuchBucket"), UsageError, r"the bucket does not exist \(create it"),
        (error(404, "NoSuchKey"), MissingError, "the object does not exist"),
        (
            error(501, "NotImplemented"),
            UsageError,
            r"does not support this operation \(use a store with conditional writes",
        ),
        (error(400, "ExpiredToken"), TransientError, "credentials have expired"),
        (error(400, "Strange", "a strange thing"), TransientError, "Strange, a strange thing"),
    ],
)
def test_each_error_has_a_type_and_a_remedy(
    response: Response, kind: type[EddylineError], message: str
) -> None:
    with scripted(_always(response)) as server:
        store = _open(server.url)
        with pytest.raises(kind, match=message) as caught:
            store.get("a/video.mp4")
        assert type(caught.value) is kind
        assert caught.value.remedy
        assert "a/video.mp4 in s3://bucket" in caught.value.message
        assert "Debug source" not in caught.value.message


def test_every_method_reports_denied_access() -> None:
    with scripted(_always(error(403, "AccessDenied"))) as server:
        store = _open(server.url)
        for call in (
            store.check,
            lambda: store.put_bytes("k", b"1"),
            lambda: store.compare_and_set("k", b"1", None),
            lambda: store.tag("k"),
            lambda: store.size("k"),
            lambda: store.ranges("k"),
            lambda: list(store.list("k")),
            lambda: store.delete("k"),
            lambda: store.copy("k", "l"),
        ):
            with pytest.raises(UsageError, match="access is denied"):
                call()


def test_error_text_within_a_key_is_not_an_error() -> None:
    with scripted(_always(Response(status=404))) as server:
        store = _open(server.url)
        for key in ("<Code>NoSuchBucket</Code>", "AccessDenied", "a/Received redirect without LOCATION"):
            assert store.size(key) is None


def _after(failures: int, failure: Response, success: Response) -> Callable[[Request], Response]:
    remaining = [failures]

    def response(_request: Request) -> Response:
        remaining[0] -= 1
        return failure if remaining[0] >= 0 else success

    return response


def _object(data: bytes) -> Response:
    return Response(body=data, headers={"ETag": '"e"', "Last-Modified": "Mon, 23 Nov 2026 00:00:00 GMT"})


def _request_count(server: Scripted) -> int:
    return len(server.requests)


def test_a_busy_store_is_retried() -> None:
    with scripted(_after(2, error(503, "SlowDown"), _object(b"bytes"))) as server:
        assert _open(server.url).get("k") == b"bytes"
        assert _request_count(server) == 3


def test_a_store_that_stays_busy_is_a_transient_error() -> None:
    with scripted(_always(error(503, "SlowDown", "slow down"))) as server:
        with pytest.raises(TransientError, match="SlowDown"):
            _open(server.url).get("k")
        assert _request_count(server) == 3


def test_an_unreachable_store_is_a_transient_error() -> None:
    with scripted(_always(Response())) as server:
        url = server.url
    with pytest.raises(TransientError, match="network") as caught:
        _open(url, retries=1).get("k")
    message = rf"reading k in s3://bucket: no answer from {url} in [0-9.]+ (m|µ)?s, after 2 requests"
    assert re.fullmatch(message, caught.value.message)


def test_a_store_that_stops_responding_times_out() -> None:
    started = time.monotonic()
    with scripted(_always(Response(delay_s=15))) as server:
        with pytest.raises(TransientError):
            _open(server.url, retries=1, read_s=0.2).get("k")
        assert time.monotonic() - started < 10


def test_a_truncated_response_is_an_error() -> None:
    response = _object(b"half")
    truncated = Response(body=response.body, headers=response.headers, content_length=100)
    with scripted(_always(truncated)) as server, pytest.raises(TransientError):
        _open(server.url, retries=1).get("k")
