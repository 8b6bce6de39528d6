"""Opens an object store with obstore: options of its client, retries and credentials."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.store import AzureStore, GCSStore, S3Store

from eddyline.core.errors import UsageError
from eddyline.core.stop import Stop
from eddyline.store import addresses
from eddyline.store.object_errors import translate_errors
from eddyline.store.object_uploads import PART
from eddyline.store.objects import ObjectStore
from eddyline.store.store_settings import StoreSettings, resolve_endpoint

if TYPE_CHECKING:  # types only: they do not exist when running
    from obstore.store import ClientConfig, RetryConfig, S3Config

# Sources of credentials that obstore supports; without one, boto3 reads the profile of the user.
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SKIP_SIGNATURE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


def open_object_store(
    place: addresses.Address, settings: StoreSettings, *, stop: Stop | None = None
) -> ObjectStore:
    """The bucket, or prefix, at `place`, without a request to it. Raises `UsageError`."""
    endpoint = resolve_endpoint(place.scheme, settings, os.environ)
    with translate_errors("opening", where=str(place)):
        bucket = _bucket(place, settings, endpoint)
    return ObjectStore(
        bucket,
        address=str(place),
        stop=stop,
        part=settings.part or PART,
        outage_retry_s=settings.outage_retry_s,
    )


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
