"""How to reach an object store: settings, and its endpoint."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from eddyline.core.errors import UsageError

# The variables of an endpoint by scheme; the first that is set applies. obstore reads all other variables.
_ENDPOINTS = {
    "s3": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    "gs": (),
    "az": ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
}


@dataclass(frozen=True, kw_only=True)
class StoreSettings:
    """How to reach an object store. Times are in seconds, sizes in bytes.

    `endpoint` and `region` override the environment; `credentials` is an obstore credential provider and
    overrides the standard chain; `allow_http` allows an endpoint without TLS on another machine.
    obstore retries a request up to `retries` times within `retry_for_s`, which takes a second or two.
    `part` is the size of a part of an upload (None: the default of `ObjectUploads`).
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
    part: int | None = None
    outage_retry_s: float = 60.0


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
