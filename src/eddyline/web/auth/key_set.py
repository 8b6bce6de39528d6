"""The public keys of an issuer (JSON Web Key Set, RFC 7517), fetched when needed and kept in memory."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from typing import Any, Protocol

import jwt

from eddyline.core.errors import EddylineError

_log = logging.getLogger(__name__)

KEEP_S = 3600.0
"""Seconds after which the keys are fetched again."""
RETRY_S = 60.0
"""Seconds between two fetches because of an unknown key or a failure: clients choose the names of keys."""
_MAX_BYTES = 256 * 1024
_MAX_KEYS = 100
_ASYMMETRIC = frozenset({"RSA", "EC", "OKP"})


class Fetch(Protocol):
    """Reads a document by HTTP, of at most `max_bytes`. Raises `EddylineError`."""

    def __call__(self, url: str, max_bytes: int) -> bytes:
        """The body of the response."""
        ...


class KeySet:
    """The keys of one issuer by their ids. Safe from any thread; one thread fetches, the others wait.

    Keys that were fetched before stay in use while the issuer is unavailable. `url` is that of the key set;
    "": it is taken from the issuer's metadata (OpenID Connect Discovery 1.0).
    """

    def __init__(self, issuer: str, fetch: Fetch, *, url: str = "") -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._url = url
        self._lock = threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched = float("-inf")
        self._tried = float("-inf")

    def find(self, kid: str, now: float) -> jwt.PyJWK | None:
        """The key with this id; None if the issuer has none."""
        with self._lock:
            stale = now - self._fetched >= KEEP_S or kid not in self._keys
            if stale and now - self._tried >= RETRY_S:
                self._refresh(now)
            return self._keys.get(kid)

    def _refresh(self, now: float) -> None:
        self._tried = now
        try:
            self._keys = parse_keys(self._fetch(self._url or self._discover(), _MAX_BYTES))
            self._fetched = now
        except (EddylineError, ValueError, RecursionError) as error:
            _log.warning("issuer keys unavailable", extra={"issuer": self._issuer, "error": str(error)})

    def _discover(self) -> str:
        url = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        metadata = json.loads(self._fetch(url, _MAX_BYTES))
        if not isinstance(metadata, dict) or metadata.get("issuer") != self._issuer:
            raise ValueError("the metadata is of another issuer")
        found = metadata.get("jwks_uri")
        if not isinstance(found, str) or not found.startswith(("https://", "http://")):
            raise ValueError("the metadata has no jwks_uri")
        return found


def parse_keys(document: bytes) -> dict[str, jwt.PyJWK]:
    """The public keys of a key set by their ids. Keys of unknown or symmetric kinds are left out.

    Raises `ValueError` for a document of another form.
    """
    found: Any = json.loads(document)
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise ValueError("the document is not a key set")  # noqa: TRY004 - of its contents
    keys: dict[str, jwt.PyJWK] = {}
    for each in listed[:_MAX_KEYS]:
        if (
            not isinstance(each, dict)
            or each.get("kty") not in _ASYMMETRIC
            or each.get("use", "sig") != "sig"
        ):
            continue
        kid = each.get("kid")
        try:
            if isinstance(kid, str):
                keys[kid] = jwt.PyJWK(each)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            continue  # of a kind or curve that is not supported
    return keys
