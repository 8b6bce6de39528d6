from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.servers.ministack import Ministack, any_keys
from tests.servers.scripted import Response, Scripted, scripted

from eddyline.core.errors import MissingError, UsageError
from eddyline.store.content_types import content_type
from eddyline.store.local import LocalStore
from eddyline.store.objects import ObjectStore
from eddyline.store.open_store import open_store
from eddyline.store.store import Store
from eddyline.store.store_settings import StoreSettings


def _check(store: Store) -> None:
    assert isinstance(store, ObjectStore)
    store.check()


def _signed(server: Scripted) -> tuple[str, str]:
    """Returns the access key and the region of the last request's signature."""
    found = re.search(r"Credential=([^/]*)/\d+/([^/]*)/s3", server.requests[-1].headers["authorization"])
    assert found is not None
    return found[1], found[2]


def test_a_path_and_a_file_url_open_the_same_directory(tmp_path: Path) -> None:
    for address in (str(tmp_path), f"file://{tmp_path}"):
        store = open_store(address)
        assert isinstance(store, LocalStore)
        assert store.root == tmp_path


def test_a_bucket_is_opened_with_the_environment_alone(
    ministack: Ministack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", ministack.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    store = open_store(f"s3://{ministack.bucket()}/some/prefix")
    _check(store)
    store.put_bytes("a", b"1")
    assert store.get("a") == b"1"


def test_a_missing_bucket_is_reported_immediately(ministack: Ministack) -> None:
    with pytest.raises(UsageError, match=r"the bucket does not exist .*create it"):
        _check(open_store("s3://never-made-this", ministack.settings))


def test_an_empty_bucket_passes_the_check(ministack: Ministack) -> None:
    _check(open_store(f"s3://{ministack.bucket()}/x", ministack.settings))


def test_settings_override_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with scripted(lambda _: Response(status=404)) as server:
        settings = StoreSettings(endpoint=server.url, region="eu-west-1", retries=0)
        assert open_store("s3://bucket", settings).size("k") is None
        assert _signed(server) == ("environment", "eu-west-1")
        settings = StoreSettings(endpoint=server.url, credentials=any_keys, retries=0)
        assert open_store("s3://bucket", settings).size("k") is None
        assert _signed(server) == ("test", "us-west-2")


def test_the_s3_endpoint_overrides_the_endpoint_of_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with scripted(lambda _: Response(status=404)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
        settings = StoreSettings(region="eu-west-1", credentials=any_keys, retries=0)
        assert open_store("s3://bucket", settings).size("k") is None
        assert len(server.requests) == 1


def test_the_aws_profile_provides_keys_and_region(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3", reason="profiles are read by boto3, which is an extra")
    profiles = tmp_path / "credentials"
    profiles.write_text(
        "[camp]\naws_access_key_id = fromprofile\naws_secret_access_key = s\nregion = eu-north-1\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "camp")
    with scripted(lambda _: Response(status=404)) as server:
        store = open_store("s3://bucket", StoreSettings(endpoint=server.url, retries=0))
        assert store.size("k") is None
        assert _signed(server) == ("fromprofile", "eu-north-1")
        monkeypatch.setenv("AWS_PROFILE", "misspelt")
        with pytest.raises(UsageError, match=r"the AWS profile misspelt has no credentials"):
            open_store("s3://bucket", StoreSettings(endpoint=server.url))


@pytest.mark.parametrize(
    "endpoint", ["http://minio.example:9000", "http://10.0.0.1", "http://127.0.0.1.example"]
)
def test_unencrypted_endpoints_are_rejected_unless_allowed(endpoint: str) -> None:
    with pytest.raises(UsageError, match="unencrypted"):
        open_store("s3://bucket", StoreSettings(endpoint=endpoint, credentials=any_keys))
    open_store("s3://bucket", StoreSettings(endpoint=endpoint, credentials=any_keys, allow_http=True))


@pytest.mark.parametrize(
    "endpoint", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://x.example"]
)
def test_loopback_and_tls_endpoints_are_accepted(endpoint: str) -> None:
    open_store("s3://bucket", StoreSettings(endpoint=endpoint, credentials=any_keys))


@pytest.mark.parametrize("endpoint", ["minio", "ftp://x", "https://", "https://key:secret@x"])
def test_an_invalid_endpoint_is_rejected_without_repeating_it(endpoint: str) -> None:
    with pytest.raises(UsageError, match="endpoint") as caught:
        open_store("s3://bucket", StoreSettings(endpoint=endpoint, credentials=any_keys))
    assert "secret" not in str(caught.value)


def test_google_and_azure_requests_have_their_own_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    with scripted(lambda _: Response(status=404)) as server:
        settings = StoreSettings(endpoint=server.url, retries=0)
        with pytest.raises(MissingError):
            open_store("az://container/x", settings).get("k")
        assert server.requests[-1].path.endswith("/container/x/k")
        token = StoreSettings(
            endpoint=server.url, retries=0, credentials=lambda: {"token": "t", "expires_at": None}
        )
        google = open_store("gs://bucket/x", token)
        assert google.size("k") is None
        assert server.requests[-1].path.startswith("/bucket/x")
        assert not google.compare_and_set("k", b"1", "17")
        assert server.requests[-1].headers["x-goog-if-generation-match"] == "17"


def test_files_with_unknown_extensions_have_the_generic_content_type() -> None:
    assert content_type("a/x.unknown") == content_type("a/x") == "application/octet-stream"
    assert content_type("a/X.MP4") == "video/mp4"
    assert content_type("a.mp4/x") == "application/octet-stream"
