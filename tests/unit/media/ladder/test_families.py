from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from eddyline.core.errors import UsageError
from eddyline.media.ladder.chunks import frame_grid, plan_chunks, plan_families
from eddyline.media.ladder.families import family_codec, family_name, ordered_families
from eddyline.media.ladder.frame_steps import frame_step, thinned_count
from eddyline.media.ladder.ladder import rungs
from eddyline.media.ladder.profile import Profile, load_profile
from eddyline.media.source.source import VideoFacts


def _facts(width: int = 1920, height: int = 1080, **changes: Any) -> VideoFacts:
    values: dict[str, Any] = {
        "codec": "h264",
        "width": width,
        "height": height,
        "fps": Fraction(30),
        "frames": 3000,
        "pixel_format": "yuv420p",
        "timescale": 30000,
        **changes,
    }
    return VideoFacts(**values)


_PQ: dict[str, Any] = {
    "transfer": "smpte2084",
    "primaries": "bt2020",
    "matrix": "bt2020nc",
    "pixel_format": "yuv420p10le",
}


def test_families_are_ordered_for_playlists() -> None:
    found = ordered_families(["av1-hdr", "hevc-hdr", "av1", "other", "h264", "hevc", "av1"])
    assert found == ("h264", "hevc", "av1", "hevc-hdr", "av1-hdr", "other")
    assert family_name("hevc", hdr=True) == "hevc-hdr"
    assert [family_codec(each) for each in ("hevc-hdr", "av1")] == ["hevc", "av1"]


def test_modern_has_a_complete_av1_ladder_after_its_h264_fallback() -> None:
    found = rungs(load_profile("modern"), _facts())
    assert [(each.name, each.family) for each in found] == [
        ("720p", "h264"),
        ("360p", "h264"),
        ("1080p-av1", "av1"),
        ("720p-av1", "av1"),
        ("480p-av1", "av1"),
        ("360p-av1", "av1"),
    ]


def test_hdr_is_a_family_after_its_sdr_fallback() -> None:
    found = rungs(load_profile("hevc-hdr"), _facts(**_PQ))
    assert {each.family for each in found if each.codec == "hevc"} == {"hevc-hdr"}
    assert found[0].family == "h264"
    sdr = rungs(load_profile("hevc-hdr"), _facts())
    assert {each.family for each in sdr} == {"h264", "hevc"}


@pytest.mark.parametrize(
    ("profile", "size", "families"),
    [
        ("modern", (320, 180), {"h264", "av1"}),  # smaller than all rungs
        ("modern", (96, 54), {"h264"}),  # SVT-AV1 needs 64 lines
        ("archive", (320, 180), {"av1"}),
    ],
)
def test_a_small_source_has_the_families_that_support_its_size(
    profile: str, size: tuple[int, int], families: set[str]
) -> None:
    found = rungs(load_profile(profile), _facts(*size))
    assert {each.family for each in found} == families
    assert {(each.width, each.height) for each in found} == {size}
    assert len({each.name for each in found}) == len(found)


def test_a_packaged_profile_that_keeps_hdr_needs_an_sdr_fallback() -> None:
    plain = load_profile("hevc-hdr").model_dump(mode="json")
    only_hdr = [each for each in plain["rungs"] if each["codec"] == "hevc"]
    with pytest.raises(ValueError, match="needs rungs of codec h264"):
        Profile.model_validate({**plain, "rungs": only_hdr})
    assert Profile.model_validate({**plain, "rungs": only_hdr, "package": False})


@pytest.mark.parametrize(
    ("fps", "limit", "step"),
    [
        (Fraction(30), 60, 1),
        (Fraction(60), 60, 1),
        (Fraction(60_000, 1001), 60, 1),
        (Fraction(120_000, 1001), 60, 2),
        (Fraction(120), 60, 2),
        (Fraction(240), 60, 4),
        (Fraction(100), 60, 2),
        (Fraction(90), 60, 2),
        (Fraction(60), 30, 2),
        (Fraction(120), 30, 4),
        (Fraction(25), 24, 2),
        (Fraction(1000), 60, 17),
        (Fraction(1000), None, 1),
        (Fraction(601, 10), 60, 1),  # a variable rate just above the limit
    ],
)
def test_a_rung_shows_every_kth_frame_within_the_limit(fps: Fraction, limit: float | None, step: int) -> None:
    assert frame_step(fps, limit) == step


def test_thinned_counts_are_rounded_up() -> None:
    assert [thinned_count(frames, 4) for frames in (1, 4, 5, 8)] == [1, 1, 2, 2]


def test_rungs_are_capped_at_60_frames_per_second_and_hdr_where_the_profile_says_so() -> None:
    facts = _facts(fps=Fraction(120), **_PQ)
    found = rungs(load_profile("hevc-hdr"), facts)
    assert {each.frame_step for each in found if each.family == "h264"} == {2}
    assert {each.frame_step for each in found if each.family == "hevc-hdr"} == {4}
    assert {each.frame_step for each in rungs(load_profile("archive"), facts)} == {1}
    at_60 = rungs(load_profile("default"), _facts(fps=Fraction(60)))
    assert [each.maxrate_kbps for each in rungs(load_profile("default"), _facts(fps=Fraction(240)))] == [
        each.maxrate_kbps for each in at_60
    ]


@pytest.mark.parametrize("fps", [Fraction(90), Fraction(120_000, 1001), Fraction(240), Fraction(50)])
def test_gops_are_a_multiple_of_all_frame_steps(fps: Fraction) -> None:
    grid = frame_grid(gop_s=2.0, segment_s=4.0, fps=fps, steps=(1, 2, 3))
    assert grid.gop % 6 == 0
    assert abs(grid.gop / fps - 2) <= 3 / fps
    for step in (1, 2, 3):
        thinned = grid.thinned(step)
        assert thinned.gop * step == grid.gop
        assert thinned.segment_s == grid.segment_s


def test_each_family_has_its_own_chunks_with_numbers_of_their_own() -> None:
    found = rungs(load_profile("modern"), _facts(frames=9000))
    grid = frame_grid(gop_s=2.0, segment_s=4.0, fps=Fraction(30))
    chunks = plan_families(9000, grid, found)
    assert [each.index for each in chunks] == list(range(len(chunks)))
    for family in ("h264", "av1"):
        own = [each for each in chunks if each.family == family]
        alone = plan_chunks(9000, grid, [each for each in found if each.family == family])
        assert [(each.start, each.stop) for each in own] == [(each.start, each.stop) for each in alone]


def test_invalid_limits_are_rejected(tmp_path: Any) -> None:
    path = tmp_path / "p.yaml"
    rung = "{height: 720, codec: h264, crf: 22, preset: fast, maxrate_kbps: 900, bufsize_kbps: 900}"
    path.write_text(f"rungs: [{rung}]\nmax_fps: 0\n")
    with pytest.raises(UsageError, match="max_fps"):
        load_profile(str(path))


def test_separate_fields_double_the_frames_of_interlaced_video_at_a_constant_rate() -> None:
    profile = load_profile("default").model_copy(update={"deinterlace": "fields"})
    interlaced = _facts(interlaced=True, fps=Fraction(30_000, 1001))
    found = rungs(profile, interlaced)[0]
    assert (found.fields, found.frame_step, found.frame_count(101)) == (2, 1, 202)
    assert found.maxrate_kbps == rungs(profile, _facts(fps=Fraction(60_000, 1001)))[0].maxrate_kbps
    for facts in (_facts(), _facts(interlaced=True, variable_rate=True)):
        assert rungs(profile, facts)[0].fields == 1
    assert rungs(load_profile("default"), interlaced)[0].fields == 1


def test_chunks_of_separate_fields_begin_with_whole_source_frames() -> None:
    profile = load_profile("default").model_copy(update={"deinterlace": "fields"})
    found = rungs(profile, _facts(interlaced=True, fps=Fraction(25)))
    grid = frame_grid(gop_s=0.5, segment_s=2.0, fps=Fraction(50), steps=(1, 2))
    assert grid.gop % 2 == 0
    chunks = plan_families(2999, grid, found)
    assert chunks[-1].stop == 5998
    ranges = [each.source_range for each in chunks]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 2999
    assert all(one[1] == two[0] for one, two in pairwise(ranges))
    assert all(
        2 * stop - 2 * start == each.frames for (start, stop), each in zip(ranges, chunks, strict=True)
    )
