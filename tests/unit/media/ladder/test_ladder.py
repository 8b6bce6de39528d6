from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder import profile
from eddyline.media.ladder.ladder import EncoderRequirement, Rung, required_encoders, rungs
from eddyline.media.source.source import VideoFacts

_DEFAULT = profile.load_profile("default")


def _facts(
    width: int,
    height: int,
    *,
    fps: Fraction = Fraction(30),
    rotation: int = 0,
    aspect: Fraction = Fraction(1),
) -> VideoFacts:
    return VideoFacts(
        codec="h264",
        width=width,
        height=height,
        rotation=rotation,
        pixel_aspect=aspect,
        fps=fps,
        frames=100,
        pixel_format="yuv420p",
        timescale=90000,
    )


def _sizes(facts: VideoFacts) -> list[tuple[str, int, int]]:
    return [(rung.name, rung.width, rung.height) for rung in rungs(_DEFAULT, facts)]


def test_a_4k_source_has_all_six_rungs_highest_first() -> None:
    assert _sizes(_facts(3840, 2160)) == [
        ("2160p", 3840, 2160),
        ("1440p", 2560, 1440),
        ("1080p", 1920, 1080),
        ("720p", 1280, 720),
        ("480p", 854, 480),
        ("360p", 640, 360),
    ]


def test_the_height_of_a_rung_is_the_shorter_side_of_portrait_video() -> None:
    assert _sizes(_facts(1080, 1920))[:2] == [("1080p", 1080, 1920), ("720p", 720, 1280)]


def test_rotation_is_applied() -> None:
    assert _sizes(_facts(1920, 1080, rotation=90)) == _sizes(_facts(1080, 1920))


def test_rungs_have_square_pixels() -> None:
    assert _sizes(_facts(1440, 1080, aspect=Fraction(4, 3))) == _sizes(_facts(1920, 1080))


def test_a_4_by_3_source_keeps_its_aspect() -> None:
    assert _sizes(_facts(4000, 3000))[:3] == [
        ("2160p", 2880, 2160),
        ("1440p", 1920, 1440),
        ("1080p", 1440, 1080),
    ]


def test_a_wide_video_fits_the_box_of_the_rung() -> None:
    assert _sizes(_facts(1920, 804))[:2] == [("1080p", 1920, 804), ("720p", 1280, 536)]


def test_a_source_a_few_lines_smaller_than_a_rung_gets_that_rung_at_its_own_size() -> None:
    assert _sizes(_facts(1920, 1072))[0] == ("1080p", 1920, 1072)


@pytest.mark.parametrize(("width", "height"), [(854, 480), (848, 480)])
def test_camera_sizes_of_nearly_sixteen_to_nine_are_kept(width: int, height: int) -> None:
    assert _sizes(_facts(width, height))[0] == ("480p", width, height)


def test_a_source_smaller_than_every_rung_gets_one_rung_of_its_size() -> None:
    assert _sizes(_facts(160, 90)) == [("90p", 160, 90)]


@pytest.mark.parametrize(
    ("width", "height", "sizes"),
    [
        (4000, 16, [(3840, 16)]),
        (16, 2000, [(16, 1920)]),
        (4000, 40, [(3840, 38), (2560, 26), (1920, 20)]),
        (4000, 4, [(3840, 4)]),
        (160, 90, [(160, 90)]),
    ],
)
def test_very_wide_and_tall_video_has_no_rungs_of_a_few_lines(
    width: int, height: int, sizes: list[tuple[int, int]]
) -> None:
    assert [(columns, rows) for _, columns, rows in _sizes(_facts(width, height))] == sizes


def test_odd_dimensions_are_rounded_down() -> None:
    assert _sizes(_facts(161, 91)) == [("90p", 160, 90)]


def test_the_maximum_rate_grows_by_half_when_the_frame_rate_doubles() -> None:
    every_frame = _DEFAULT.model_copy(update={"max_fps": None})
    slow, double, quick = (
        rungs(every_frame, _facts(1920, 1080, fps=Fraction(rate)))[0] for rate in (24, 60, 120)
    )
    assert slow.maxrate_kbps == 7500
    assert (double.maxrate_kbps, double.bufsize_kbps) == (11250, 22500)
    assert quick.maxrate_kbps == 16875


@pytest.mark.parametrize(
    ("width", "height", "fps", "level"),
    [
        (640, 360, 30, "3.0"),
        (1280, 720, 30, "3.1"),
        (1920, 1080, 30, "4.0"),
        (1920, 1080, 60, "4.2"),
        (3840, 2160, 30, "5.1"),
        (3840, 2160, 60, "5.2"),
    ],
)
def test_the_h264_level_is_the_lowest_sufficient_one(width: int, height: int, fps: int, level: str) -> None:
    assert rungs(_DEFAULT, _facts(width, height, fps=Fraction(fps)))[0].level == level


def test_the_archive_profile_gives_one_rung_of_the_source_size_with_a_rate_by_its_pixels() -> None:
    (small,) = rungs(profile.load_profile("archive"), _facts(1280, 720))
    (large,) = rungs(profile.load_profile("archive"), _facts(2704, 1520))
    assert (large.width, large.height, large.name) == (2704, 1520, "1520p")
    assert (large.codec, large.encoder, large.pixel_format) == ("av1", "libsvtav1", "yuv420p10le")
    assert small.maxrate_kbps < large.maxrate_kbps <= 100_000


def test_only_10_bit_rungs_in_a_profile_with_hdr_keep_are_hdr(tmp_path: Path) -> None:
    (kept,) = rungs(profile.load_profile("archive"), _facts(1280, 720))
    assert kept.keep_hdr
    path = tmp_path / "mapped.yaml"
    path.write_text(
        "rungs: [{height: 720, codec: hevc, crf: 22, preset: fast, maxrate_kbps: 4000, bufsize_kbps: 8000,"
        " pixel_format: yuv420p10le}]\nhdr: tonemap\n"
    )
    (mapped,) = rungs(profile.load_profile(str(path)), _facts(1280, 720))
    assert not mapped.keep_hdr
    assert not any(rung.keep_hdr for rung in rungs(_DEFAULT, _facts(1280, 720)))


def test_a_video_too_small_for_its_encoder_is_rejected_with_a_remedy() -> None:
    with pytest.raises(UnsupportedError, match="too small") as caught:
        rungs(profile.load_profile("archive"), _facts(32, 32))
    assert "default" in caught.value.remedy


def test_rungs_of_two_codecs_at_one_height_have_different_names(tmp_path: Path) -> None:
    cap = "maxrate_kbps: 4000, bufsize_kbps: 8000"
    path = tmp_path / "two.yaml"
    path.write_text(
        f"rungs:\n  - {{height: 720, codec: h264, crf: 22, preset: fast, {cap}}}\n"
        f"  - {{height: 720, codec: av1, crf: 32, preset: 10, {cap}}}\n"
    )
    ladder = rungs(profile.load_profile(str(path)), _facts(1280, 720))
    assert [rung.name for rung in ladder] == ["720p", "720p-av1"]


def test_a_rung_round_trips_through_json() -> None:
    for rung in rungs(_DEFAULT, _facts(1920, 1080)):
        assert Rung.from_json(json.loads(json.dumps(rung.to_json()))) == rung


@given(
    width=st.integers(2, 16384),
    height=st.integers(2, 16384),
    rotation=st.sampled_from((0, 90, 180, 270)),
    aspect=st.fractions(Fraction(1, 2), Fraction(2), max_denominator=64),
    fps=st.fractions(Fraction(1), Fraction(240), max_denominator=1001),
)
def test_rungs_of_any_source_are_even_ordered_and_never_upscaled(
    width: int, height: int, rotation: int, aspect: Fraction, fps: Fraction
) -> None:
    facts = _facts(width, height, rotation=rotation, aspect=aspect, fps=fps)
    ladder = rungs(_DEFAULT, facts)
    assert ladder
    assert len({rung.name for rung in ladder}) == len(ladder)
    pixels = [rung.width * rung.height for rung in ladder]
    assert pixels == sorted(pixels, reverse=True)
    for rung in ladder:
        assert rung.width % 2 == rung.height % 2 == 0
        assert 2 <= rung.width <= max(2, facts.display_width)
        assert 2 <= rung.height <= max(2, facts.display_height)


# Encoders

_HD = _facts(1920, 1080)


def _profile(**changes: object) -> profile.Profile:
    plain = profile.load_profile("fast").model_dump(mode="json")
    return profile.Profile.model_validate({**plain, "rungs": [{**plain["rungs"][0], **changes}]})


def test_a_rung_without_an_encoder_gets_the_one_of_the_pool_with_a_mapped_preset() -> None:
    selected = _profile(crf=0)
    (rung,) = rungs(selected, _HD, {"h264": "h264_nvenc"})
    assert (rung.encoder, rung.preset, rung.crf) == ("h264_nvenc", "p2", 1)
    assert required_encoders(selected, _HD) == {EncoderRequirement(codec="h264")}


def test_a_rung_with_an_encoder_gets_it_regardless_of_the_pool() -> None:
    selected = _profile(encoder="h264_nvenc", preset="p6")
    (rung,) = rungs(selected, _HD, {"h264": "libx264"})
    assert (rung.encoder, rung.preset, rung.crf) == ("h264_nvenc", "p6", 23)
    assert required_encoders(selected, _HD) == {EncoderRequirement(codec="h264", encoder="h264_nvenc")}


def test_only_the_selected_rungs_have_requirements() -> None:
    plain = profile.load_profile("fast").model_dump(mode="json")
    large = {**plain["rungs"][0], "height": 2160, "codec": "hevc"}
    both = profile.Profile.model_validate({**plain, "rungs": [large, plain["rungs"][1]]})
    assert required_encoders(both, _facts(640, 360)) == {EncoderRequirement(codec="h264")}
    assert required_encoders(both, _facts(3840, 2160)) == {
        EncoderRequirement(codec="h264"),
        EncoderRequirement(codec="hevc"),
    }


@pytest.mark.parametrize(
    ("encoders", "facts", "message"),
    [
        ({"h264": "h264_amf"}, _HD, "h264_amf is not a supported encoder of h264"),
        ({"h264": "libx265"}, _HD, "libx265 is not a supported encoder of h264"),
        ({"h264": "h264_nvenc"}, _facts(160, 120), "160x120 is too small for h264_nvenc"),
        ({"h264": "h264_nvenc"}, replace(_HD, variable_rate=True), "with a variable frame rate"),
    ],
)
def test_a_video_that_the_encoder_does_not_accept_is_rejected(
    encoders: dict[str, str], facts: VideoFacts, message: str
) -> None:
    with pytest.raises(UnsupportedError, match=message):
        rungs(_profile(), facts, encoders)


def test_h264_on_a_gpu_is_limited_to_4096_pixels() -> None:
    with pytest.raises(UnsupportedError, match="7680x4320 is too large for h264_nvenc: the maximum is 4096"):
        rungs(_profile(height="source"), _facts(7680, 4320), {"h264": "h264_nvenc"})
