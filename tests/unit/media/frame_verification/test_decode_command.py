"""The location of chroma samples in the reference decode."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.pipeline.source_facts import facts as source_facts

from eddyline.media.frame_verification.decode_command import (
    DecodeInput,
    DecodeRange,
    decode_command,
    upright_chroma,
)
from eddyline.media.toolchain import Toolchain

_FACTS = source_facts().video


@pytest.mark.parametrize(
    ("location", "rotation", "mirrored", "expected"),
    [
        ("unknown", 0, False, "left"),
        ("topleft", 0, False, "topleft"),
        ("left", 90, False, "top"),
        ("left", 270, False, "bottom"),
        ("left", 180, False, None),  # the right side has no name
        ("center", 180, False, "center"),
        ("topleft", 180, True, "bottomleft"),
        ("topleft", 270, False, "bottomleft"),
        ("bottom", 90, True, "left"),
    ],
)
def test_the_chroma_location_is_that_of_the_rotated_frame(
    location: str, rotation: int, *, mirrored: bool, expected: str | None
) -> None:
    facts = replace(_FACTS, chroma_location=location, rotation=rotation, mirrored=mirrored)
    assert upright_chroma(facts) == expected
    assert upright_chroma(replace(facts, pixel_format="gbrp")) is None


@pytest.mark.parametrize("hdr", [False, True])
def test_frames_are_scaled_from_their_chroma_location(tools: Toolchain, *, hdr: bool) -> None:
    video = replace(_FACTS, transfer="smpte2084") if hdr else None
    source = DecodeInput(path=Path("/a.mp4"), demuxer="mov", chroma="topleft", tonemapped=video)
    command = decode_command(source, [DecodeRange()], (64, 36), [Path("/raw")], [Path("/list")], tools=tools)
    graph = command[command.index("-filter_complex") + 1]
    assert graph.count("in_chroma_loc=topleft") == 1
    assert "in_chroma_loc=topleft" in next(part for part in graph.split(",") if part.startswith("scale="))
