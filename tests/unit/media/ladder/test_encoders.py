from __future__ import annotations

import pytest

from eddyline.media.ladder.encoders import DEFAULT_ENCODERS, ENCODERS, find_encoder


def test_every_codec_has_a_default_encoder_and_every_default_is_supported() -> None:
    assert {ENCODERS[name].codec for name in DEFAULT_ENCODERS.values()} == set(DEFAULT_ENCODERS)
    assert {row.codec for row in ENCODERS.values()} == set(DEFAULT_ENCODERS)


@pytest.mark.parametrize("name", [name for name, row in ENCODERS.items() if row.hardware])
def test_every_preset_of_a_codec_maps_to_a_preset_of_nvenc(name: str) -> None:
    row = ENCODERS[name]
    mapped = [row.preset(preset) for preset in find_encoder(row.codec).presets]
    assert set(mapped) <= set(row.presets)
    # The order by speed is kept: x264's names go from fast to slow, SVT-AV1's numbers from slow to fast.
    assert mapped == sorted(mapped, reverse=row.codec == "av1")
    assert row.preset("p3") == "p3"


def test_an_unknown_preset_is_an_error() -> None:
    with pytest.raises(KeyError):
        ENCODERS["libx264"].preset("p3")


def test_an_encoder_of_another_codec_is_rejected() -> None:
    with pytest.raises(ValueError, match="encoder of av1 must be one of libsvtav1, av1_nvenc, not 'libx264'"):
        find_encoder("av1", "libx264")
