"""The preview: which rung is playable while the rest is encoded, and in which steps its playlist grows.

The preview is the lowest H.264 rung. The frames of its first segment are a chunk of their own, which runs
before all others; they are left out of the first chunk of the family, so that every frame of a rendition is
encoded once. Further segments are added when the first chunks of the family are done. Each extension packages
the rendition from its start; because extensions become rarer as the preview grows, they cost at most a few
times the packaging of the lowest rung.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from eddyline.media.ladder.chunks import Chunk, Grid
from eddyline.media.ladder.cost import estimate_cpu_s
from eddyline.media.ladder.encoders import is_hardware
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.source import SourceFacts

_CODEC: Final = "h264"
_MIN_WAIT_S = 20.0
"""Seconds of video, or of CPU time, from which a preview is worth its jobs; shorter sources are soon done."""

_GROWTH = 4  # an extension adds a quarter of the chunks before it, at least one
REORDER: Final = 2
"""Frames by which the encoders of H.264 reorder at most: x264 with its pyramid of B-frames, NVENC by one."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """The rung of the preview.

    `frames` is the number of source frames of its first segment, 0 if it starts with the first extension.
    `extensions` has the number of the family's chunks that each extension needs, ascending.
    """

    rung: str
    frames: int
    extensions: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values."""
        return {"rung": self.rung, "frames": self.frames, "extensions": list(self.extensions)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Preview:
        """The preview that `to_json` wrote."""
        return cls(rung=values["rung"], frames=values["frames"], extensions=tuple(values["extensions"]))


def plan_preview(
    profile: Profile, facts: SourceFacts, rungs: Sequence[Rung], grid: Grid, chunks: Sequence[Chunk]
) -> Preview | None:
    """The preview of an asset; None for a short source, separate fields, or without HLS or H.264.

    An encrypted stream has none either.

    H.264 that is encoded on a GPU has none: if the GPU fails, all of it is encoded again by CPUs, and
    segments that players already have would change.
    """
    candidates = [rung for rung in rungs if rung.codec == _CODEC and rung.fields == 1]
    # The segments of a preview are in the clear.
    if profile.encryption is not None:
        return None
    if not candidates or not profile.package or any(is_hardware(each.encoder) for each in candidates):
        return None
    rung = min(candidates, key=lambda each: each.width * each.height)
    own = [chunk for chunk in chunks if chunk.family == rung.family]
    waiting_s = max(facts.duration_s, estimate_cpu_s(facts.video.frames, rungs, facts.video))
    if waiting_s < _MIN_WAIT_S or own[0].stop <= grid.segment:
        return None
    # The gain of a normalised track is known only once all of it has been measured.
    starts_early = profile.audio.normalise is None or not facts.audio
    return Preview(
        rung=rung.name,
        frames=grid.segment if starts_early else 0,
        extensions=extension_sizes(len(own)),
    )


def extension_sizes(chunks: int) -> tuple[int, ...]:
    """The numbers of done chunks at which the preview of `chunks` chunks grows; all chunks are published."""
    sizes, size = [], 1
    while size < chunks:
        sizes.append(size)
        size += max(1, size // _GROWTH)
    return tuple(sizes)


def with_preview_chunk(chunks: Sequence[Chunk], preview: Preview | None, family: str) -> tuple[Chunk, ...]:
    """The chunks with that of the preview's first segment, which is the last one in the list."""
    if preview is None or not preview.frames:
        return tuple(chunks)
    first = next(chunk for chunk in chunks if chunk.family == family)
    return (*chunks, replace(first, index=len(chunks), stop=preview.frames, rung=preview.rung))
