"""Verifies an encrypted stream: decrypted with its keys, every sample equals the one that was packaged.

Each track is read from its segments as a player joins them, decrypted by `sample_decryption`, and compared
with the packager's input byte for byte. Every segment must have encrypted bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.encryption.content_keys import StreamEncryption
from eddyline.media.encryption.sample_decryption import SampleDecryption
from eddyline.media.streaming.fragment_boxes import Fragment, read_fragment, split_boxes
from eddyline.mp4.entries.protection import read_protection
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

_HAS_RANGES = 0x2  # flag of senc: each entry has the ranges of its sample


def verify_decryption(folder: Path, kind: str, clear: Path, encryption: StreamEncryption) -> None:
    """Verify the track of the kind "video" or "audio" in `folder` against the file `clear`.

    Raises `ProofError`.
    """
    name, key = folder.name, encryption.keys[kind]
    with FileRanges(folder / "init.mp4") as init:
        protection = read_protection(read_movie(init).tracks[0].stsd)
    if protection is None or (protection.scheme, protection.key_id) != (encryption.scheme, key.key_id):
        raise ProofError(f"{name}/init.mp4 does not declare its encryption and key id")
    decryption = SampleDecryption(protection=protection, key=key.key)
    with FileRanges(clear) as source:
        samples = read_movie(source).tracks[0].samples
        rows = zip(samples.offset.tolist(), samples.size.tolist(), strict=True)
        for segment in sorted(folder.glob("*.m4s")):
            encrypted = False
            for sample, decrypted in _decrypted(segment, decryption):
                offset, size = next(rows, (0, 0))
                if not size or decrypted != source.read(offset, size):
                    raise ProofError(f"{name}/{segment.name}: a decrypted sample differs from its rendition")
                encrypted |= sample != decrypted
            if not encrypted:
                raise ProofError(f"{name}/{segment.name}: the segment is not encrypted")
        if next(rows, None) is not None:
            raise ProofError(f"{name}: the encrypted stream has fewer samples than its rendition")


def _decrypted(segment: Path, decryption: SampleDecryption) -> Iterator[tuple[bytes, bytes]]:
    """Each sample of a media segment, as stored and decrypted, in decoding order."""
    fragment: Fragment | None = None
    for kind, body in split_boxes(segment.read_bytes(), segment.name):
        if kind == b"moof":
            fragment = read_fragment(body, segment.name)
        elif kind == b"mdat":
            if fragment is None or fragment.auxiliary is None or sum(fragment.sizes) != len(body):
                raise ProofError(f"{segment.name}: a fragment has no encryption, or other samples")
            has_ranges, at = bool(fragment.auxiliary_flags & _HAS_RANGES), 0
            for size, auxiliary in zip(fragment.sizes, fragment.auxiliary, strict=True):
                sample = body[at : at + size]
                yield sample, decryption.decrypt(sample, auxiliary, has_ranges=has_ranges)
                at += size
            fragment = None
