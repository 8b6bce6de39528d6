"""MP4 and QuickTime files: read the index, cut, copy and write.

    >>> from eddyline import mp4
    >>> with mp4.FileRanges(path) as source:
    ...     movie = mp4.read_movie(source)
    ...     track = movie.tracks[0]
    ...     first = next(mp4.iter_samples(source, track))
    >>> track.kind, len(track.samples), first
    ('other', 2, b'one')

Any object with `size` and `read(offset, length)` can replace `FileRanges` (see `ByteRanges`): a file in a
bucket or on a web server. docs/reference/mp4-library.md describes the library.

The names in `__all__` are the public interface; everything else is private and may change. They are imported
on first use, so that `import eddyline.mp4.errors` loads nothing else.
"""

from typing import TYPE_CHECKING

from eddyline.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from eddyline.mp4.boxes import Box, iter_boxes, make_box, make_full_box
    from eddyline.mp4.byte_ranges import ByteRanges
    from eddyline.mp4.errors import EmptyFileError, LimitError, MoovMissingError, Mp4Error, NotMp4Error
    from eddyline.mp4.index import read_movie
    from eddyline.mp4.movie import AudioUnit, Edit, Limits, Movie, Samples, Track
    from eddyline.mp4.presentation import Presentation, build_presentation
    from eddyline.mp4.slice import Slice, copy_tracks, iter_samples, write_slice
    from eddyline.mp4.sparse import write_sparse_copy
    from eddyline.mp4.write.mux import WrittenFile, write_mp4
    from eddyline.mp4.write.output_track import (
        OutputTrack,
        Piece,
        link_references,
        passthrough,
        select_samples,
        without_samples,
    )
    from eddyline.store.ranges import FileRanges

__all__ = [
    "AudioUnit",
    "Box",
    "ByteRanges",
    "Edit",
    "EmptyFileError",
    "FileRanges",
    "LimitError",
    "Limits",
    "MoovMissingError",
    "Movie",
    "Mp4Error",
    "NotMp4Error",
    "OutputTrack",
    "Piece",
    "Presentation",
    "Samples",
    "Slice",
    "Track",
    "WrittenFile",
    "build_presentation",
    "copy_tracks",
    "iter_boxes",
    "iter_samples",
    "link_references",
    "make_box",
    "make_full_box",
    "passthrough",
    "read_movie",
    "select_samples",
    "without_samples",
    "write_mp4",
    "write_slice",
    "write_sparse_copy",
]

__getattr__ = lazy_names(
    globals(),
    {
        "eddyline.mp4.boxes": "Box iter_boxes make_box make_full_box",
        "eddyline.mp4.byte_ranges": "ByteRanges",
        "eddyline.mp4.errors": "EmptyFileError LimitError MoovMissingError Mp4Error NotMp4Error",
        "eddyline.mp4.index": "read_movie",
        "eddyline.mp4.movie": "AudioUnit Edit Limits Movie Samples Track",
        "eddyline.mp4.presentation": "Presentation build_presentation",
        "eddyline.mp4.slice": "Slice copy_tracks iter_samples write_slice",
        "eddyline.mp4.sparse": "write_sparse_copy",
        "eddyline.mp4.write.mux": "WrittenFile write_mp4",
        "eddyline.mp4.write.output_track": (
            "OutputTrack Piece link_references passthrough select_samples without_samples"
        ),
        "eddyline.store.ranges": "FileRanges",
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
