"""Content keys, where they come from, and the initialization vectors that derive from them.

A key is never part of a profile, a plan, a manifest, a log, an error or a command line: profiles name it,
and a `KeySource` of the worker that packages the stream returns it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from eddyline.core.errors import UsageError
from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.profile import EncryptionSettings

_CENC_IV = 8  # bytes; the other half of the counter block counts blocks of a sample
_IV = 16  # bytes
_SAMPLE_SCHEMES = frozenset({"cbcs", "cenc"})
_DOMAIN = b"eddyline initialization vector 1\0"


@dataclass(frozen=True, kw_only=True)
class ContentKey:
    """A key of 16 bytes and its id of 16 bytes.

    `uri` is what players are given to get the key in HLS. `iv` is the initialization vector of a key server
    that prescribes it. `pssh` are complete boxes for DRM systems (ISO/IEC 23001-7 section 8.1).
    """

    key_id: bytes
    key: bytes = field(repr=False)
    uri: str = ""
    iv: bytes | None = None
    pssh: tuple[bytes, ...] = ()


@dataclass(frozen=True, kw_only=True)
class KeyRequest:
    """What a key is asked for: the profile's key name and scheme, the asset, and "video" or "audio"."""

    name: str
    scheme: str
    asset: str
    track: str


class KeySource(Protocol):
    """Returns content keys. Both methods raise `UsageError` for a key that it does not have."""

    def check(self, name: str) -> None:
        """Check that the key of this name may be requested, before anything is encoded."""

    def content_key(self, request: KeyRequest, runner: Runner) -> ContentKey:
        """The key for one kind of track; equal for equal requests."""


@dataclass(frozen=True)
class NoKeys:
    """The source of a process without keys."""

    def check(self, name: str) -> None:
        """Raise `UsageError`."""
        raise UsageError(
            f"the profile encrypts with the key {name!r}, but this process has no keys",
            remedy="set EDDYLINE_ENCRYPTION_KEYS to a key file, or EDDYLINE_KEY_COMMAND to a program that "
            "returns keys (docs/how-to/encryption.md), then run the same command again",
        )

    def content_key(self, request: KeyRequest, runner: Runner) -> ContentKey:  # noqa: ARG002 - a KeySource
        """Raise `UsageError`."""
        self.check(request.name)
        raise AssertionError


NO_KEYS = NoKeys()


@dataclass(frozen=True, kw_only=True)
class StreamEncryption:
    """How a stream is encrypted: the scheme, and the key of each kind of track.

    `context` identifies the contents (the digest of a plan). Initialization vectors derive from it, so that
    other contents with the same key never have the same vectors.
    """

    scheme: str
    context: str
    keys: Mapping[str, ContentKey]

    @classmethod
    def request(
        cls, settings: EncryptionSettings, source: KeySource, runner: Runner, *, asset: str, context: str
    ) -> StreamEncryption:
        """Request the keys. Raises `UsageError` if one lacks what the scheme requires."""
        keys = {
            track: source.content_key(
                KeyRequest(name=settings.key, scheme=settings.scheme, asset=asset, track=track), runner
            )
            for track in ("video", "audio")
        }
        if settings.scheme != "cenc" and not all(key.uri for key in keys.values()):
            raise UsageError(
                f"the key {settings.key!r} has no uri, which HLS playlists with {settings.scheme} need",
                remedy="add the uri from which players get the key (https://... or skd://...)",
            )
        return cls(scheme=settings.scheme, context=context, keys=keys)

    @property
    def encrypts_samples(self) -> bool:
        """Whether samples are encrypted (Common Encryption), and not whole segments."""
        return self.scheme in _SAMPLE_SCHEMES

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The distinct key ids (hex), that of video first."""
        return tuple(dict.fromkeys(key.key_id.hex() for key in self.keys.values()))

    def initialization_vector(self, stream: str, kind: str) -> bytes:
        """The initialization vector of the stream of this name and kind of track.

        For cenc it is the vector of the first sample, 8 bytes, and must differ between all streams with the
        same key: equal vectors in counter mode reveal the difference of the contents. A prescribed vector
        therefore applies to cbcs alone.
        """
        key = self.keys[kind]
        if key.iv is not None and self.scheme == "cbcs":
            return key.iv
        message = _DOMAIN + self.context.encode() + b"\0" + key.key_id + stream.encode()
        derived = hmac.new(key.key, message, hashlib.sha256).digest()
        return derived[: _CENC_IV if self.scheme == "cenc" else _IV]
