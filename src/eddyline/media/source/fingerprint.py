"""Identifies a source by its content: its size, its index and a sample of its bytes, read by ranges."""

from __future__ import annotations

import hashlib

from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.layout import read_layout
from eddyline.mp4.movie import Limits, Movie

_BLOCK = 64 * 1024
_INNER_BLOCKS = 16
_VERSION = b"eddyline fingerprint 1\n"


def fingerprint(src: ByteRanges, movie: Movie | None) -> str:
    """Return the SHA-256 (hex) of the size, moov, every moof and blocks of 64 KiB: first, last, 16 between.

    Name and modification time are not included, so that copies of a source are the same asset. Reads about
    1.2 MB in addition to the index. `movie` is None for a source that is not MP4 and has no index to hash.
    """
    digest = hashlib.sha256(_VERSION)
    digest.update(src.size.to_bytes(8, "big"))
    if movie is not None:
        layout = read_layout(src, Limits())
        for box in (layout.moov, *layout.moofs):
            digest.update(len(box.raw).to_bytes(8, "big"))
            digest.update(box.raw)
    for offset in _offsets(src.size):
        digest.update(offset.to_bytes(8, "big"))
        digest.update(src.read(offset, min(_BLOCK, src.size - offset)))
    return digest.hexdigest()


def _offsets(size: int) -> list[int]:
    """Return the offsets of the blocks, ascending; the blocks of a small file cover all of it."""
    last = max(0, size - _BLOCK)
    if last <= _INNER_BLOCKS * _BLOCK:
        return list(range(0, size, _BLOCK))
    return sorted({last * step // (_INNER_BLOCKS + 1) for step in range(_INNER_BLOCKS + 2)})
