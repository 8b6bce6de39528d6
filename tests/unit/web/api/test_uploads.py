"""The tus protocol, after the suite of tusd's handler: one table for each method."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.unit.web.tus_client import BYTES, TUS, UPLOADS, VIDEO, TusClient, encode_metadata
from tests.unit.web.web_app import client_of

from eddyline import config
from eddyline.core.clock import ManualClock
from eddyline.web.services import Services
from eddyline.web.tus import protocol
from eddyline.web.upload_services import open_uploads


@pytest.fixture
def http(services: Services) -> Iterator[TestClient]:
    with client_of(services) as client:
        yield client


@pytest.fixture
def tus(http: TestClient) -> TusClient:
    return TusClient(http)


def with_settings(services: Services, **environment: str) -> TusClient:
    settings = config.read({f"EDDYLINE_{name}": value for name, value in environment.items()})
    return TusClient(client_of(replace(services, shared=replace(services.shared, settings=settings))))


def file_of(services: Services, path: str) -> Path:
    return services.settings.data / "uploads" / path.rpartition("/")[2]


def checksum(algorithm: str, body: bytes) -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, body).digest()).decode()}"


# OPTIONS


@pytest.mark.parametrize("path", [UPLOADS, f"{UPLOADS}/0123"])
def test_options_describe_the_server(http: TestClient, path: str) -> None:
    response = http.options(path)
    assert response.status_code == 204
    assert response.headers["tus-version"] == "1.0.0"
    assert response.headers["tus-resumable"] == "1.0.0"
    assert response.headers["tus-extension"] == protocol.EXTENSIONS
    assert response.headers["tus-checksum-algorithm"] == "sha1,sha256,sha512,md5"
    assert int(response.headers["tus-max-size"]) == 256 * 1024**3


# POST


def test_post_creates_an_upload_at_a_path_for_any_header_of_a_proxy(
    tus: TusClient, services: Services
) -> None:
    response = tus.create(300, b"", **{"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"})
    assert response.status_code == 201
    path = response.headers["location"]
    assert path.startswith(f"{UPLOADS}/")
    assert response.headers["upload-offset"] == "0"
    assert response.headers["upload-expires"].endswith("GMT")
    assert file_of(services, path).read_bytes() == b""
    assert tus.status(path)["name"] == "GX010042.MP4"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Tus-Resumable": "0.2.0"}, 412, id="another version"),
        pytest.param({"Upload-Length": "-5"}, 400, id="negative length"),
        pytest.param({"Upload-Length": "1e3"}, 400, id="no number"),
        pytest.param({"Upload-Length": "9" * 30}, 400, id="too many digits"),
        pytest.param({"Upload-Length": str(2**40)}, 413, id="larger than a file may be"),
        pytest.param({"Upload-Defer-Length": "1"}, 400, id="length, and deferred"),
        pytest.param({"Upload-Length": "0"}, 415, id="empty file"),
        pytest.param({"Upload-Concat": "partial"}, 400, id="partial upload"),
        pytest.param({"Upload-Metadata": "filename !!!"}, 400, id="no Base64"),
        pytest.param({"Upload-Metadata": "filename YQ==,filename YQ=="}, 400, id="repeated key"),
        pytest.param({"Upload-Metadata": "filename /w=="}, 400, id="no UTF-8"),
        pytest.param({"Upload-Metadata": f"a {'QUJD' * 5000}"}, 400, id="too long"),
        pytest.param(encode_metadata(filename="a.jpg"), 415, id="still image by name"),
        pytest.param(encode_metadata(filename="a.mp4", profile="../x.yaml"), 400, id="profile by path"),
        pytest.param(encode_metadata(filename="a.mp4", sha256="12"), 400, id="invalid digest"),
        pytest.param(encode_metadata(filename="a.mp4", parts="2", part="0"), 400, id="parts of nothing"),
        pytest.param(
            encode_metadata(filename="a.mp4", recording="abcdefgh", parts="2", part="2"),
            400,
            id="part beyond",
        ),
    ],
)
def test_post_refuses_and_keeps_nothing(
    tus: TusClient, services: Services, headers: dict[str, str], status: int
) -> None:
    response = tus.create(300, b"", **headers)
    assert response.status_code == status
    assert response.headers["tus-resumable"] == "1.0.0"
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"]
    assert open_uploads(services).files.ids() == []
    assert open_uploads(services).listed(None) == []


def test_post_without_a_length_is_refused(http: TestClient) -> None:
    assert http.post(UPLOADS, headers=TUS).status_code == 400


def test_post_with_a_body_receives_it(tus: TusClient, services: Services) -> None:
    response = tus.create(len(VIDEO), VIDEO[:100])
    assert response.status_code == 201
    assert response.headers["upload-offset"] == "100"
    assert file_of(services, response.headers["location"]).read_bytes() == VIDEO[:100]


def test_post_with_the_whole_file_completes_the_upload(tus: TusClient) -> None:
    response = tus.create(len(VIDEO), VIDEO, **{"Upload-Checksum": checksum("sha256", VIDEO)})
    assert response.headers["upload-offset"] == str(len(VIDEO))
    assert tus.status(response.headers["location"])["state"] == "complete"


def test_post_with_a_body_of_another_type_is_refused(tus: TusClient) -> None:
    assert tus.create(300, b"abc", **{"Content-Type": "text/plain"}).status_code == 415


def test_names_are_sanitised(tus: TusClient) -> None:
    hostile = "../../etc/\u202epas\r\nswd\0.mp4".replace("\0", "")
    assert tus.status(tus.created(filename=hostile))["name"] == "passwd.mp4"
    assert tus.status(tus.created(filename="..\\..\\boot.mp4"))["name"] == "boot.mp4"
    assert tus.status(tus.created(filename=""))["name"] == "upload"
    long = tus.status(tus.created(filename="ü" * 400 + ".MP4"))["name"]
    assert len(long.encode()) <= 200
    assert long.endswith(".MP4")


# HEAD


def test_head_states_offset_length_metadata_and_expiry(tus: TusClient) -> None:
    path = tus.created(len(VIDEO), VIDEO[:50], filename="ride 1.mp4", note="")
    response = tus.head(path)
    assert response.status_code == 200
    assert response.headers["upload-offset"] == "50"
    assert response.headers["upload-length"] == str(len(VIDEO))
    assert response.headers["cache-control"] == "no-store"
    assert protocol.parse_metadata(response.headers) == {
        "filename": "ride 1.mp4",
        "note": "",
        "profile": "default",
    }
    assert response.content == b""


def test_head_of_a_deferred_length_says_so(tus: TusClient) -> None:
    response = tus.head(tus.created(None))
    assert response.headers["upload-defer-length"] == "1"
    assert "upload-length" not in response.headers


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
@pytest.mark.parametrize("upload", ["0" * 32, "%2e%2e%2fledger.sqlite", "directory"])
def test_an_absent_upload_is_not_found(http: TestClient, method: str, upload: str) -> None:
    headers = {**TUS, **BYTES, "Upload-Offset": "0"}
    response = http.request(method, f"{UPLOADS}/{upload}", headers=headers)
    assert response.status_code == 404


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_another_version_of_the_protocol_is_refused(tus: TusClient, method: str) -> None:
    headers = {"Tus-Resumable": "2.0.0", **BYTES, "Upload-Offset": "0"}
    response = tus.http.request(method, tus.created(), headers=headers)
    assert response.status_code == 412
    assert response.headers["tus-version"] == "1.0.0"


# PATCH


def test_patch_appends(tus: TusClient, services: Services) -> None:
    path = tus.created()
    response = tus.patch(path, 0, VIDEO[:500])
    assert (response.status_code, response.headers["upload-offset"]) == (204, "500")
    response = tus.patch(path, 500, VIDEO[500:])
    assert (response.status_code, response.headers["upload-offset"]) == (204, str(len(VIDEO)))
    assert file_of(services, path).read_bytes() == VIDEO
    assert tus.status(path)["state"] == "complete"


def test_an_empty_patch_at_the_end_changes_nothing(tus: TusClient) -> None:
    path = tus.created(len(VIDEO), VIDEO)
    response = tus.patch(path, len(VIDEO), b"")
    assert (response.status_code, response.headers["upload-offset"]) == (204, str(len(VIDEO)))


@pytest.mark.parametrize(
    ("offset", "body", "headers", "status"),
    [
        pytest.param(0, b"x", {"Content-Type": "text/plain"}, 415, id="another media type"),
        pytest.param(0, b"x", {"Upload-Offset": "-1"}, 400, id="negative offset"),
        pytest.param(0, b"x", {"Upload-Offset": "x"}, 400, id="no offset"),
        pytest.param(9, b"x", {}, 409, id="a gap"),
        pytest.param(0, VIDEO + b"x", {}, 413, id="beyond the length"),
        pytest.param(0, b"x", {"Upload-Length": "77"}, 413, id="another length"),
        pytest.param(0, b"x", {"Upload-Checksum": "crc32 AAAA"}, 400, id="unknown algorithm"),
        pytest.param(0, b"x", {"Upload-Checksum": "sha1 AAAA"}, 400, id="short digest"),
        pytest.param(0, b"x", {"Upload-Checksum": checksum("sha1", b"y")}, 460, id="wrong sha1"),
        pytest.param(0, b"x", {"Upload-Checksum": checksum("sha256", b"y")}, 460, id="wrong sha256"),
        pytest.param(0, b"x", {"Upload-Checksum": checksum("md5", b"y")}, 460, id="wrong md5"),
    ],
)
def test_patch_refuses_and_keeps_nothing(
    tus: TusClient, offset: int, body: bytes, headers: dict[str, str], status: int
) -> None:
    path = tus.created()
    response = tus.patch(path, offset, body, **headers)
    assert response.status_code == status
    assert response.headers["tus-resumable"] == "1.0.0"
    assert tus.head(path).headers["upload-offset"] == "0"
    assert tus.patch(path, 0, VIDEO).status_code == 204


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512", "md5"])
def test_a_matching_checksum_is_accepted(tus: TusClient, algorithm: str) -> None:
    response = tus.patch(tus.created(), 0, VIDEO, **{"Upload-Checksum": checksum(algorithm, VIDEO)})
    assert response.status_code == 204


def test_a_conflict_states_the_offset(tus: TusClient) -> None:
    path = tus.created(len(VIDEO), VIDEO[:70])
    assert tus.patch(path, 10, VIDEO[10:]).headers["upload-offset"] == "70"


def test_a_body_of_unknown_size_must_not_exceed_the_length(tus: TusClient) -> None:
    path = tus.created(10)
    chunks: Any = iter([VIDEO[:8], VIDEO[8:100]])
    response = tus.patch(path, 0, chunks)
    assert response.status_code == 413
    assert int(tus.head(path).headers["upload-offset"]) <= 10


def test_a_deferred_length_is_declared_with_the_last_bytes(tus: TusClient) -> None:
    path = tus.created(None)
    assert tus.patch(path, 0, VIDEO[:100]).status_code == 204
    assert tus.patch(path, 100, VIDEO[100:], **{"Upload-Length": str(len(VIDEO))}).status_code == 204
    assert tus.status(path)["state"] == "complete"


def test_a_deferred_length_is_declared_after_the_last_bytes(tus: TusClient) -> None:
    path = tus.created(None, VIDEO)
    assert tus.patch(path, len(VIDEO), b"", **{"Upload-Length": str(len(VIDEO))}).status_code == 204
    assert tus.status(path)["state"] == "complete"


def test_a_declared_length_below_the_offset_is_refused(tus: TusClient) -> None:
    path = tus.created(None, VIDEO)
    assert tus.patch(path, len(VIDEO), b"", **{"Upload-Length": "5"}).status_code == 413


def test_bytes_behind_the_offset_are_cut_when_the_upload_continues(
    tus: TusClient, services: Services
) -> None:
    path = tus.created(len(VIDEO), VIDEO[:100])
    with file_of(services, path).open("ab") as file:
        file.write(b"written before a kill, never confirmed")
    assert tus.patch(path, 100, VIDEO[100:]).status_code == 204
    assert file_of(services, path).read_bytes() == VIDEO


@pytest.mark.parametrize(
    ("first", "message"),
    [
        pytest.param(b"\xff\xd8\xff\xe0" + b"x" * 9, "JPEG", id="image"),
        pytest.param(b"#EXTM3U\nhttp://169.254.169.254/\n", "playlist", id="playlist"),
        pytest.param(b"<html>hello</html>", "text", id="text"),
        pytest.param(bytes(1000), "zero", id="zeros"),
    ],
)
def test_a_file_that_is_not_a_video_is_refused_and_not_kept(
    tus: TusClient, services: Services, first: bytes, message: str
) -> None:
    length = 200_000
    path = tus.created(length)
    response = tus.patch(path, 0, first.ljust(70_000, first[-1:]))
    assert response.status_code == 415
    assert message in response.json()["detail"]
    assert response.json()["remedy"]
    assert not file_of(services, path).exists()
    assert tus.head(path).status_code == 410
    assert message in tus.status(path)["failure"]["message"]


# DELETE and expiration


def test_delete_removes_the_upload_and_its_bytes(tus: TusClient, services: Services) -> None:
    path = tus.created(len(VIDEO), VIDEO[:50])
    assert tus.delete(path).status_code == 204
    assert not file_of(services, path).exists()
    assert tus.head(path).status_code == 404
    assert tus.delete(path).status_code == 404


def test_uploads_expire_a_week_after_the_last_byte(tus: TusClient, services: Services) -> None:
    clock = services.clock
    assert isinstance(clock, ManualClock)
    path = tus.created(len(VIDEO), VIDEO[:50])
    clock.advance(6 * 86_400)
    tus.patch(path, 50, VIDEO[50:60])
    clock.advance(6 * 86_400)
    assert open_uploads(services).sweep() == 0
    assert tus.head(path).status_code == 200
    clock.advance(2 * 86_400)
    assert open_uploads(services).sweep() == 1
    assert tus.head(path).status_code == 404
    assert not file_of(services, path).exists()


# X-HTTP-Method-Override


def test_methods_can_be_overridden(tus: TusClient) -> None:
    path = tus.created()
    headers = {**TUS, **BYTES, "Upload-Offset": "0"}
    response = tus.http.post(path, content=VIDEO, headers={**headers, "X-HTTP-Method-Override": "PATCH"})
    assert (response.status_code, response.headers["upload-offset"]) == (204, str(len(VIDEO)))
    response = tus.http.post(path, headers={**TUS, "X-HTTP-Method-Override": "HEAD"})
    assert response.headers["upload-offset"] == str(len(VIDEO))
    assert tus.http.post(path, headers={**TUS, "X-HTTP-Method-Override": "TRACE"}).status_code == 405
    assert tus.http.post(path, headers={**TUS, "X-HTTP-Method-Override": "DELETE"}).status_code == 204
    assert tus.head(path).status_code == 404


# Limits


def test_an_owner_may_have_a_number_of_open_uploads(services: Services) -> None:
    tus = with_settings(services, UPLOADS_OPEN="2")
    path = tus.created()
    tus.created()
    response = tus.create()
    assert response.status_code == 429
    assert response.headers["retry-after"]
    assert "cancel some" in response.json()["remedy"]
    tus.delete(path)
    tus.created()


def test_an_owner_may_have_a_number_of_bytes(services: Services) -> None:
    tus = with_settings(services, QUOTA_GIB="0.000002")  # 2,147 bytes
    tus.created(2000)
    response = tus.create(200)
    assert response.status_code == 507
    assert "QUOTA_GIB" in response.json()["remedy"]


def test_a_deferred_length_does_not_exceed_the_quota(services: Services) -> None:
    tus = with_settings(services, QUOTA_GIB="0.000002")
    path = tus.created(None)
    assert tus.patch(path, 0, VIDEO + bytes(1000)).status_code == 507
    assert int(tus.head(path).headers["upload-offset"]) <= 2147


def test_an_owner_may_have_a_number_of_assets(services: Services) -> None:
    tus = with_settings(services, QUOTA_ASSETS="1")
    tus.created()
    assert tus.create().status_code == 507


def test_the_disk_keeps_a_reserve(services: Services) -> None:
    tus = with_settings(services, UPLOAD_RESERVE_GIB="900000000")
    response = tus.create()
    assert response.status_code == 507
    assert "disk" in response.json()["detail"]


# Several servers


def test_a_server_with_another_directory_says_so_and_touches_nothing(
    tus: TusClient, services: Services, tmp_path: Path
) -> None:
    path = tus.created(len(VIDEO), VIDEO[:50])
    settings = replace(services.settings, data=tmp_path / "other")
    other = TusClient(client_of(replace(services, settings=settings)))
    assert other.patch(path, 50, VIDEO[50:]).status_code == 421
    assert other.delete(path).status_code == 421
    assert other.head(path).headers["upload-offset"] == "50"
    assert tus.patch(path, 50, VIDEO[50:]).status_code == 204


def test_servers_with_one_directory_continue_each_others_uploads(tus: TusClient, services: Services) -> None:
    path = tus.created(len(VIDEO), VIDEO[:50])
    other = TusClient(client_of(services))
    assert other.patch(path, 50, VIDEO[50:90]).status_code == 204
    assert tus.patch(path, 90, VIDEO[90:]).status_code == 204


# Without a token


@pytest.mark.parametrize("method", ["POST", "PATCH", "HEAD", "DELETE"])
def test_without_a_token_nothing_is_written(services: Services, method: str) -> None:
    path = TusClient(client_of(services)).created()
    stranger = client_of(replace(services, settings=replace(services.settings, local=False)))
    headers = {**TUS, **BYTES, "Upload-Offset": "0", "Upload-Length": str(len(VIDEO))}
    to = UPLOADS if method == "POST" else path
    assert stranger.request(method, to, headers=headers, content=VIDEO).status_code == 401
    assert file_of(services, path).read_bytes() == b""
    assert len(open_uploads(services).listed(None)) == 1
