"""Names footage by its content: its size, its index and a sample of its bytes, read by ranges."""

from __future__ import annotations

import hashlib

from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.layout import read_layout
from eddyline.mp4.movie import Limits, Movie

_BLOCK = 64 * 1024
_SPREAD = 16
_VERSION = b"eddyline fingerprint 1\n"


def fingerprint(src: ByteRanges, movie: Movie | None) -> str:
    """SHA-256 (hex) over the size, moov (with every moof) and blocks of 64 KB: first, last, 16 spread evenly.

    Never the name or the time, so the same footage is the same asset wherever it lies. About 1.2 MB are read
    besides the index. `movie` is None for footage that is no MP4, which has no index to hash.
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
    """Where the blocks begin, ascending; a small file is covered whole."""
    last = max(0, size - _BLOCK)
    if last <= _SPREAD * _BLOCK:
        return list(range(0, size, _BLOCK))
    return sorted({last * step // (_SPREAD + 1) for step in range(_SPREAD + 2)})
