"""A family that fell back to software encoders has the same rungs, with settings of the default encoders."""

from __future__ import annotations

import pytest
from tests.unit.pipeline.source_facts import facts

from eddyline.media.ladder.encoders import DEFAULT_ENCODERS
from eddyline.media.ladder.ladder import rungs
from eddyline.media.ladder.profile import Profile, load_profile
from eddyline.media.ladder.software_rungs import software_rungs

_VIDEO = facts().video


@pytest.mark.parametrize("name", ["default", "fast", "modern", "hevc-hdr"])
def test_the_rungs_are_those_of_a_plan_without_hardware(name: str) -> None:
    profile = load_profile(name)
    planned = rungs(profile, _VIDEO, {codec: f"{codec}_nvenc" for codec in DEFAULT_ENCODERS})
    fallback = software_rungs(profile, _VIDEO)
    assert fallback == rungs(profile, _VIDEO)
    same = ("name", "codec", "width", "height", "pixel_format", "frame_step", "family", "level")
    assert [[getattr(rung, key) for key in same] for rung in fallback] == [
        [getattr(rung, key) for key in same] for rung in planned
    ]


def test_presets_of_a_named_hardware_encoder_are_translated() -> None:
    settings = {"height": 720, "codec": "h264", "maxrate_kbps": 3000, "bufsize_kbps": 6000}
    profile = Profile.model_validate(
        {"name": "x", "rungs": [{**settings, "encoder": "h264_nvenc", "crf": 24, "preset": "p5"}]}
    )
    (rung,) = software_rungs(profile, _VIDEO)
    assert (rung.encoder, rung.preset, rung.crf) == ("libx264", "medium", 24)
