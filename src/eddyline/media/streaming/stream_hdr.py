"""Static HDR metadata of packaged streams: in the initialization segments of HDR renditions, and in no other.

Shaka Packager 3.8 drops mdcv and clli.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.media.streaming.elementary_streams import ElementaryStream
from eddyline.media.streaming.initialization_segments import with_boxes
from eddyline.mp4.entries.hdr_boxes import read_hdr_boxes, with_hdr_boxes
from eddyline.mp4.entries.visual_entry import entry_boxes
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

# The packager copies these; players configure decoders, and choose variants, by them.
_CONFIGURATION = frozenset({"avcC", "hvcC", "av1C", "colr"})


def add_hdr_metadata(stream: Path, inputs: Sequence[ElementaryStream]) -> None:
    """Give each initialization segment of `stream` the HDR metadata of its rendition among `inputs`.

    Raises `ProofError` if a segment does not read back with the metadata, the decoder configuration and the
    colors of its rendition.
    """
    for each in inputs:
        if each.track is None:
            continue
        init = stream / each.name / "init.mp4"
        metadata = read_hdr_boxes(each.track.stsd)
        if metadata:
            init.write_bytes(with_boxes(init.read_bytes(), partial(with_hdr_boxes, metadata=metadata)))
        with FileRanges(init) as source:
            packaged = read_movie(source).tracks[0].stsd
        same = _configuration(packaged) == _configuration(each.track.stsd)
        if read_hdr_boxes(packaged) != metadata or not same:
            raise ProofError(f"{each.name}/init.mp4 does not have the colors of its rendition")


def _configuration(stsd: bytes) -> dict[str, bytes]:
    return {box.kind: bytes(box.body) for box in entry_boxes(stsd) if box.kind in _CONFIGURATION}
