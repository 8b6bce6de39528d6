from __future__ import annotations

import pytest

from eddyline.media.ladder.encoders import DEFAULT_ENCODERS, ENCODERS, find_encoder


def test_every_codec_has_a_default_and_every_default_a_row() -> None:
    assert {ENCODERS[name].codec for name in DEFAULT_ENCODERS.values()} == set(DEFAULT_ENCODERS)
    assert {row.codec for row in ENCODERS.values()} == set(DEFAULT_ENCODERS)


@pytest.mark.parametrize("name", [name for name, row in ENCODERS.items() if row.hardware])
def test_every_preset_of_a_codec_means_something_on_a_gpu(name: str) -> None:
    row = ENCODERS[name]
    translated = [row.preset(preset) for preset in find_encoder(row.codec).presets]
    assert set(translated) <= set(row.presets)
    # Slower presets stay slower: x264's names go from fast to slow, SVT-AV1's numbers from slow to fast.
    assert translated == sorted(translated, reverse=row.codec == "av1")
    assert row.preset("p3") == "p3"


def test_a_preset_of_nobody_is_an_error() -> None:
    with pytest.raises(KeyError):
        ENCODERS["libx264"].preset("p3")


def test_an_encoder_of_another_codec_is_refused() -> None:
    with pytest.raises(ValueError, match="encoder of av1 is one of libsvtav1, av1_nvenc, not 'libx264'"):
        find_encoder("av1", "libx264")
