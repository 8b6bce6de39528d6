"""Removes the total duration from initialization segments.

Shaka Packager writes it as `mehd`, which is optional (ISO/IEC 14496-12 section 8.8.2). Without it, an
initialization segment is the same before and after the end of the stream is known: a preview publishes it
while the source is still encoded. Playlists and MPD have the duration.
"""

from __future__ import annotations

from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.mp4.boxes import Box, make_box


def remove_fragment_duration(init: Path) -> None:
    """Rewrite an initialization segment without `mehd`. Raises `ProofError` if it has no `mvex`."""
    data = memoryview(init.read_bytes())
    top = list(Box(kind="init", raw=data, body=data, offset=0, path="init").children())
    kinds = [child.kind for box in top if box.kind == "moov" for child in box.children()]
    if kinds.count("mvex") != 1:
        raise ProofError(f"{init.parent.name}/{init.name} does not have exactly one mvex box")
    init.write_bytes(b"".join(_without(box) for box in top))


def _without(box: Box) -> bytes:
    if box.kind not in {"moov", "mvex"}:
        return bytes(box.raw)
    return make_box(box.kind, *(_without(child) for child in box.children() if child.kind != "mehd"))
