from __future__ import annotations

import pytest

from eddyline.media.ladder.encoders import DEFAULT_ENCODERS, ENCODERS, find_encoder


def test_every_codec_has_a_default_encoder_and_every_default_is_supported() -> None:
    assert {ENCODERS[name].codec for name in DEFAULT_ENCODERS.values()} == set(DEFAULT_ENCODERS)
    assert {row.codec for row in ENCODERS.values()} == set(DEFAULT_ENCODERS)


@pytest.mark.parametrize("name", [name for name, row in ENCODERS.items() if row.hardware])
def test_every_preset_of_a_codec_maps_to_a_preset_of_a_hardware_encoder_and_back(name: str) -> None:
    row = ENCODERS[name]
    default = find_encoder(row.codec)
    mapped = [row.preset(preset) for preset in default.presets]
    assert set(mapped) <= set(row.presets)
    # The order by speed is kept: all presets go from fast to slow, except SVT-AV1's numbers.
    assert mapped == sorted(mapped, key=row.presets.index, reverse=row.codec == "av1")
    assert row.preset(row.presets[2]) == row.presets[2]
    assert {row.default_preset(preset) for preset in row.presets} <= set(default.presets)


@pytest.mark.parametrize(
    ("name", "preset", "default"),
    [
        ("h264_nvenc", "p3", "veryfast"),
        ("hevc_nvenc", "p5", "medium"),
        ("h264_qsv", "veryfast", "ultrafast"),
        ("hevc_vaapi", "slow", "slow"),
        ("av1_nvenc", "p5", "8"),
        ("av1_nvenc", "p1", "9"),
        ("av1_qsv", "medium", "9"),
    ],
)
def test_a_preset_of_a_hardware_encoder_has_a_counterpart_on_a_cpu(
    name: str, preset: str, default: str
) -> None:
    assert ENCODERS[name].default_preset(preset) == default


def test_the_quality_is_clamped_to_the_range_of_the_encoder() -> None:
    assert [ENCODERS["av1_qsv"].quality_of(crf) for crf in (0, 35, 63)] == [1, 35, 51]


def test_an_unknown_preset_is_an_error() -> None:
    with pytest.raises(KeyError):
        ENCODERS["libx264"].preset("p3")


def test_an_encoder_of_another_codec_is_rejected() -> None:
    with pytest.raises(
        ValueError, match="of av1 must be one of libsvtav1, av1_nvenc, av1_qsv, av1_vaapi, not"
    ):
        find_encoder("av1", "libx264")
