"""Source side of the frame samples for projected spherical video.

Each track is decoded by a plain FFmpeg command, as other video is; `sphere_reference` projects the frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from eddyline.core.errors import ProofError
from eddyline.core.processes.runner import Runner
from eddyline.media.frame_verification.decode import DecodedFrame, sample_size
from eddyline.media.frame_verification.sample_plan import SampleRange
from eddyline.media.frame_verification.source_samples import (
    SampledFile,
    SourceSamples,
    decode_source_samples,
)
from eddyline.media.frame_verification.sphere_reference import decoded_size, project
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain


def decode_sphere_samples(
    tracks: Sequence[Sequence[SampledFile]],
    ranges: Sequence[SampleRange],
    facts: VideoFacts,
    *,
    tools: Toolchain,
    runner: Runner,
    work: Path,
) -> SourceSamples:
    """Decode the ranges of the original, and project them.

    `tracks` has the files of the recording for each track: the first, and of a pair the second one. A frame
    that FFmpeg shows in one track only is missing. Raises as `decode_source_samples` does.
    """
    sphere = facts.sphere
    if sphere is None:
        raise ProofError("the video is not projected, but its samples are")
    decoded = [
        decode_source_samples(
            files, ranges, facts, tools=tools, runner=runner, work=work, shape=decoded_size(sphere)
        )
        for files in tracks
    ]
    first = decoded[0]
    shape = sample_size(facts.display_width, facts.display_height)
    missing = {number for each in decoded for number in each.missing}
    return SourceSamples(
        shape=shape,
        # Both projections have square pixels.
        aspect=Fraction(facts.display_width, facts.display_height),
        frames={
            number: DecodedFrame(
                time=frame.time,
                duration=frame.duration,
                rgb=project([each.frames[number].rgb for each in decoded], sphere, shape),
            )
            for number, frame in first.frames.items()
            if number not in missing
        },
        missing=sorted(missing),
        strays=sorted({time for each in decoded for time in each.strays}),
        end=first.end,
        slack=first.slack,
    )
