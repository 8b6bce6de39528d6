"""Completes and verifies an encrypted stream, beside the steps for every stream.

Common Encryption happens in the packager; whole segments (AES-128 of HLS) are encrypted here, last.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from eddyline.media.encryption.content_keys import StreamEncryption
from eddyline.media.encryption.hls_keys import write_key_tags
from eddyline.media.encryption.segment_encryption import encrypt_segments
from eddyline.media.encryption.verify_decryption import verify_decryption

_MPD = "manifest.mpd"
_HLS_FILES = ("*.m3u8", "*.vtt", "chapters.json")


def write_encryption(stream: Path, kinds: Mapping[str, str], encryption: StreamEncryption | None) -> None:
    """Write the keys of a stream to its playlists; `kinds` has the kind of track of each directory."""
    if encryption is not None and encryption.scheme == "cbcs":
        write_key_tags(stream, encryption, kinds)


def finish_encryption(
    stream: Path, clear: Mapping[str, Path], kinds: Mapping[str, str], encryption: StreamEncryption | None
) -> None:
    """Verify a stream whose files are final against the `clear` tracks by directory.

    Then remove what cannot be played: HLS with cenc, which its players do not decrypt, or DASH with aes-128,
    which has no such encryption. Raises `ProofError`.
    """
    if encryption is None:
        return
    if not encryption.encrypts_samples:
        encrypt_segments(stream, kinds, encryption)
        (stream / _MPD).unlink()
        return
    for name, kind in kinds.items():
        verify_decryption(stream / name, kind, clear[name], encryption)
    if encryption.scheme == "cenc":
        for path in [path for form in _HLS_FILES for path in stream.rglob(form)]:
            if path.name != "chapters.vtt":  # of web pages
                path.unlink()
