"""Passes content keys to Shaka Packager.

They are passed in its environment, which only its own user can read, never in its arguments, which every user
of the machine sees and which are part of the evidence of a failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from eddyline.core.errors import ToolError
from eddyline.media.encryption.content_keys import StreamEncryption

_HIDDEN = "[key]"
_PLACEHOLDER = "https://invalid"


def key_options(encryption: StreamEncryption | None) -> tuple[str, ...]:
    """The packager's options; the streams' descriptors name their keys by `drm_label`."""
    if encryption is None or not encryption.encrypts_samples:
        return ()
    return (
        "--enable_raw_key_encryption",
        f"--protection_scheme={encryption.scheme}",
        "--clear_lead=0",
        f"--fromenv={'keys,pssh' if _pssh(encryption) else 'keys'}",
        # `hls_keys` replaces the tags, which the packager does not write without a URI.
        f"--hls_key_uri={_PLACEHOLDER}",
    )


def label_option(name: str, encryption: StreamEncryption | None) -> str:
    """What the descriptor of the stream `name` ends with: the label of its key."""
    return f",drm_label={name}" if encryption is not None and encryption.encrypts_samples else ""


def key_environment(encryption: StreamEncryption | None, kinds: Mapping[str, str]) -> Mapping[str, str]:
    """The environment with the keys of the streams, of which `kinds` has the kind of track by name."""
    if encryption is None or not encryption.encrypts_samples:
        return {}
    rows = []
    for name, kind in kinds.items():
        key = encryption.keys[kind]
        vector = encryption.initialization_vector(name, kind)
        rows.append(f"label={name}:key_id={key.key_id.hex()}:key={key.key.hex()}:iv={vector.hex()}")
    boxes = _pssh(encryption)
    return {"FLAGS_keys": ",".join(rows)} | ({"FLAGS_pssh": boxes.hex()} if boxes else {})


@contextmanager
def without_keys(encryption: StreamEncryption | None) -> Iterator[None]:
    """Remove keys from a `ToolError` raised inside the context, whose message and stderr become evidence."""
    try:
        yield
    except ToolError as error:
        if encryption is None:
            raise
        raise ToolError(
            _redact(error.args[0], encryption),
            argv=error.argv,
            status=error.status,
            stderr=_redact(error.stderr, encryption),
            remedy=error.remedy,
        ) from None


def _redact(text: str, encryption: StreamEncryption) -> str:
    for key in encryption.keys.values():
        for secret in (key.key.hex(), key.key.hex().upper()):
            text = text.replace(secret, _HIDDEN)
    return text


def _pssh(encryption: StreamEncryption) -> bytes:
    """The distinct pssh boxes of all keys; without any, the packager writes that of the common system."""
    return b"".join(dict.fromkeys(box for key in encryption.keys.values() for box in key.pssh))
