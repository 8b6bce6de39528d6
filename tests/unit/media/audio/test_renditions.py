from __future__ import annotations

from eddyline.media.audio.renditions import audio_renditions, unmixed_rendition
from eddyline.media.source.source import AudioFacts

MONO = AudioFacts(track=2, codec="aac", channels=1, sample_rate=48_000, layout="mono")
SIX = AudioFacts(track=3, codec="ac3", channels=6, sample_rate=48_000, layout="5.1(side)")


def test_tracks_of_more_than_two_channels_have_stereo_and_their_own_channels() -> None:
    found = audio_renditions([MONO, SIX])
    assert [(each.name, each.track, each.mix.channels, each.variant) for each in found] == [
        ("audio-1", 0, 1, ""),
        ("audio-2", 1, 2, ""),
        ("audio-2-surround", 1, 6, "surround"),
    ]
    assert [each.downmix is not None for each in found] == [False, True, False]
    assert found[2].mix.filters == ()
    assert unmixed_rendition(SIX).name == "audio-1"


def test_unknown_positions_are_mixed_as_the_layout_that_they_are_mapped_to() -> None:
    stereo, surround = audio_renditions(
        [AudioFacts(track=1, codec="pcm_s16le", channels=4, sample_rate=48_000, layout="4 channels")]
    )
    assert surround.mix.layout == "4.0"
    assert stereo.mix.filters[0] == surround.mix.filters[0]
    assert stereo.downmix is not None
    assert stereo.downmix.positions == ("FL", "FR", "FC", "BC")
