"""Encrypts the segments of an HLS stream as a whole: AES-128 in CBC mode with PKCS #7 padding.

RFC 8216 sections 4.3.2.4 and 5.2. The initialization vector of a segment is its media sequence number, which
starts with 0. Initialization segments stay in the clear: the key tag follows EXT-X-MAP. I-frame playlists are
removed, because their byte ranges would have to be encrypted separately.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.encryption.aes import cbc_decrypt, cbc_encrypt
from eddyline.media.encryption.content_keys import StreamEncryption
from eddyline.media.streaming.playlists import read_media_playlist
from eddyline.media.streaming.stream_bit_rates import write_bit_rates

_MASTER, _PLAYLIST, _IFRAMES = "master.m3u8", "main.m3u8", "iframes.m3u8"
_BLOCK = 16  # bytes
_MAP = re.compile(r"(?m)^#EXT-X-MAP:[^\n]*\n")
_IFRAME_TAG = re.compile(r"(?m)^#EXT-X-I-FRAME-STREAM-INF:[^\n]*\n")


def encrypt_segments(stream: Path, kinds: Mapping[str, str], encryption: StreamEncryption) -> None:
    """Encrypt the media segments of all tracks, and complete the playlists.

    `kinds` has the kind of track of each directory. Raises `ProofError` unless every segment, read back and
    decrypted, equals the one before.
    """
    for name, kind in kinds.items():
        key = encryption.keys[kind]
        playlist = stream / name / _PLAYLIST
        text = playlist.read_text("utf-8")
        for number, segment in enumerate(read_media_playlist(text, f"{name}/{_PLAYLIST}").segments):
            _encrypt(playlist.with_name(segment.uri), key.key, number)
        tag = f'#EXT-X-KEY:METHOD=AES-128,URI="{key.uri}"\n'  # a URI has no backslash
        playlist.write_text(_MAP.sub(rf"\g<0>{tag}", text, count=1), "utf-8")
    write_bit_rates(stream)  # of the padded segments
    for path in stream.rglob(_IFRAMES):
        path.unlink()
    master = stream / _MASTER
    master.write_text(_IFRAME_TAG.sub("", master.read_text("utf-8")), "utf-8")


def _encrypt(path: Path, key: bytes, number: int) -> None:
    clear = path.read_bytes()
    missing = _BLOCK - len(clear) % _BLOCK
    padded = clear + bytes([missing]) * missing
    vector = number.to_bytes(_BLOCK, "big")
    path.write_bytes(cbc_encrypt(key, vector, padded))
    if cbc_decrypt(key, vector, path.read_bytes()) != padded:
        raise ProofError(f"{path.parent.name}/{path.name}: the decrypted segment differs from the original")
