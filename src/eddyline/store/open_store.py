"""Opens the media store of an address with the credentials of this machine."""

from __future__ import annotations

import ipaddress
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.store import AzureStore, GCSStore, S3Store

from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop
from eddyline.store import addresses
from eddyline.store.local import LocalStore
from eddyline.store.object_errors import translate_errors
from eddyline.store.object_uploads import PART
from eddyline.store.objects import ObjectStore
from eddyline.store.store import Store

if TYPE_CHECKING:  # types only: they do not exist when running
    from obstore.store import ClientConfig, RetryConfig, S3Config

# The variables of an endpoint by scheme; the first that is set applies. obstore reads all other variables.
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": (),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}
# Sources of credentials that obstore supports; without one, boto3 reads the profile of the user.
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """How to reach an object store. Times are in seconds, sizes in bytes.

    `endpoint` and `region` override the environment; `credentials` is an obstore credential provider and
    overrides the standard chain; `allow_http` allows an endpoint without TLS on another machine.
    obstore retries a request up to `retries` times within `retry_for_s`, which takes a second or two.
    Idempotent requests are retried for up to `outage_retry_s`, provided the store has answered before.
    """

    endpoint: str | None = None
    region: str | None = None
    credentials: Callable[[], Any] | None = None
    allow_http: bool = False
    retries: int = 8
    retry_for_s: float = 30.0
    connect_s: float = 5.0
    read_s: float = 60.0
    part: int = PART
    outage_retry_s: float = 60.0


def open_store(
    address: str | addresses.Address,
    settings: StoreSettings | None = None,
    *,
    stop: Stop | None = None,
) -> Store:
    """The media store at `address`, without a request to it (see `ObjectStore.check`).

    Credentials come from the standard chain: the environment, the AWS profile, the role of the machine.

    Raises `UsageError` for an invalid address, endpoint or profile.
    """
    place = addresses.parse(address) if isinstance(address, str) else address
    if place.local:
        return LocalStore(place.folder)
    return _object_store(place, settings or StoreSettings(), stop)


def _object_store(place: addresses.Address, settings: StoreSettings, stop: Stop | None) -> ObjectStore:
    endpoint = resolve_endpoint(place.scheme, settings, os.environ)
    with translate_errors("opening", where=str(place)):
        bucket = _bucket(place, settings, endpoint)
    return ObjectStore(
        bucket, address=str(place), stop=stop, part=settings.part, outage_retry_s=settings.outage_retry_s
    )


class Buckets:
    """The buckets that this process reads sources from; each is opened once and kept."""

    def __init__(self) -> None:
        self._settings = StoreSettings()
        self._stop: Stop | None = None
        self._opened: dict[tuple[int, str], ObjectStore] = {}
        self._lock = threading.Lock()

    def configure(self, settings: StoreSettings, *, stop: Stop | None = None) -> None:
        """Set how to reach buckets, and the `stop` that ends retries; `app` calls this once."""
        with self._lock:
            self._settings, self._stop = settings, stop
            self._opened.clear()

    def find(self, address: str) -> tuple[ObjectStore, str]:
        """The bucket of a remote object, and its key. Raises `UsageError` for a local path."""
        return self._open(*addresses.parse_object(address), address)

    def folder(self, address: str) -> tuple[ObjectStore, str]:
        """The bucket of a remote prefix, and the prefix: "" for the whole bucket."""
        place = addresses.parse(address)
        root = addresses.Address(scheme=place.scheme, bucket=place.bucket)
        return self._open(place if place.local else root, place.path, address)

    def _open(self, place: addresses.Address, key: str, address: str) -> tuple[ObjectStore, str]:
        if place.local:
            raise UsageError(f"{address} is not an object in a store")
        name = os.getpid(), str(place)  # a forked process must not use its parent's connections
        with self._lock:
            if name not in self._opened:
                self._opened[name] = _object_store(place, self._settings, self._stop)
            return self._opened[name], key


BUCKETS = Buckets()


def _bucket(
    place: addresses.Address, settings: StoreSettings, endpoint: str | None
) -> S3Store | GCSStore | AzureStore:
    options: dict[str, Any] = {
        "prefix": place.path or None,
        "client_options": _client(settings, endpoint),
        "retry_config": _retry(settings),
        "credential_provider": settings.credentials,
    }
    if place.scheme == "gs":
        return GCSStore(place.bucket, config={"base_url": endpoint} if endpoint else {}, **options)
    if place.scheme == "az":
        return AzureStore(place.bucket, config={"endpoint": endpoint} if endpoint else {}, **options)
    options["credential_provider"] = settings.credentials or _profile_credentials(os.environ)
    config: S3Config = {}
    if endpoint:
        # Set both, so that an explicit endpoint overrides either variable of the environment.
        config["endpoint"] = config["aws_endpoint_url_s3"] = endpoint
    if settings.region:
        config["region"] = settings.region
    return S3Store(place.bucket, config=config, **options)


def resolve_endpoint(scheme: str, settings: StoreSettings, environment: Mapping[str, str]) -> str | None:
    """The configured endpoint; None: that of the cloud. By default http is allowed only to this machine.

    Raises `UsageError`.
    """
    named = (environment.get(name) for name in _ENDPOINTS[scheme])
    endpoint = settings.endpoint or next((value for value in named if value), None)
    if endpoint is None:
        return None
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise UsageError(
            "the endpoint of the store is not a URL", remedy="write https://host or https://host:port"
        )
    if parts.scheme == "http" and not settings.allow_http and not _loopback(parts.hostname):
        raise UsageError(
            f"the endpoint http://{parts.hostname} would transfer media and keys unencrypted",
            remedy="use https, or set EDDYLINE_ALLOW_HTTP=1 in a trusted network",
        )
    return endpoint


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _client(settings: StoreSettings, endpoint: str | None) -> ClientConfig:
    return {
        "allow_http": endpoint is not None and urlsplit(endpoint).scheme == "http",
        "connect_timeout": timedelta(seconds=settings.connect_s),
        "read_timeout": timedelta(seconds=settings.read_s),
        # For a whole part: the default of 30 s would always interrupt a part on a slow connection.
        "timeout": timedelta(seconds=10 * settings.read_s),
    }


def _retry(settings: StoreSettings) -> RetryConfig:
    return {"max_retries": settings.retries, "retry_timeout": timedelta(seconds=settings.retry_for_s)}


def _profile_credentials(environment: Mapping[str, str]) -> Callable[[], Any] | None:
    """Credentials of the AWS profile of the user, which obstore does not read; None without a profile."""
    named = environment.get("AWS_PROFILE")
    if not named and any(environment.get(name) for name in _CREDENTIALS):
        return None
    if not named and not _has_profiles(environment):
        return None
    try:
        from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415 - needs the extra [aws]
    except ImportError as error:
        if not named:
            return None
        raise UsageError(
            f"the AWS profile {named} needs boto3", remedy="install eddyline[aws], or set AWS_ACCESS_KEY_ID"
        ) from error
    try:
        return Boto3CredentialProvider()
    except Exception as error:  # exceptions of botocore, which this package does not import
        if not named:
            return None
        raise UsageError(
            f"the AWS profile {named} has no credentials: {error}", remedy="see `aws configure list`"
        ) from error


def _has_profiles(environment: Mapping[str, str]) -> bool:
    home = Path(environment.get("HOME") or Path.home())
    named = environment.get("AWS_SHARED_CREDENTIALS_FILE"), environment.get("AWS_CONFIG_FILE")
    usual = home / ".aws" / "credentials", home / ".aws" / "config"
    return any(Path(given or at).is_file() for given, at in zip(named, usual, strict=True))
