"""A file with an ambisonic track as it is in the source: every sample and its channel order, with SA3D."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.core.files import translate_errors
from eddyline.media.video.rendition_verification import samples_digest
from eddyline.mp4.byte_ranges import ByteRanges
from eddyline.mp4.entries.ambisonic import Ambisonics, read_ambisonics, with_ambisonics
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie, Track
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges


@dataclass(frozen=True, kw_only=True)
class AmbisonicFile:
    """What was written: the size in bytes, and the SHA-256 (hex) of the samples, which are the source's."""

    bytes: int
    sha256: str


def write_ambisonic_file(
    src: ByteRanges, movie: Movie, track: Track, found: Ambisonics, out: Path
) -> AmbisonicFile:
    """Copy the track with its edit list to `out`, and verify it by reading it back.

    The sample entry gets an SA3D if it has none. Raises `ProofError` if a sample or a channel differs.
    """
    stsd = track.stsd if read_ambisonics(track.stsd) else with_ambisonics(track.stsd, found)
    # Sound descriptions of QuickTime need its brand, as in the source.
    brand = movie.brand or "qt  "
    copy = replace(passthrough(movie, track, src), stsd=stsd, enabled=True)
    with translate_errors("writing ambisonic audio"):
        written = write_mp4(out, [copy], timescale=movie.timescale, brand=brand, compatible=(brand,))
        with FileRanges(out) as file:
            own = read_movie(file)
            (result,) = own.tracks
            digest = samples_digest(file, result)
    if read_ambisonics(result.stsd) != found or digest != samples_digest(src, track):
        raise ProofError(f"ambisonic audio track {track.number} differs from the source's")
    return AmbisonicFile(bytes=written.bytes, sha256=digest)
