from __future__ import annotations

from dataclasses import replace

import pytest

from eddyline.media.audio.renditions import audio_renditions, fallback_variant, unmixed_rendition
from eddyline.media.ladder.profile import load_profile
from eddyline.media.source.source import AudioFacts

MONO = AudioFacts(track=2, codec="aac", channels=1, sample_rate=48_000, layout="mono")
SIX = AudioFacts(track=3, codec="ac3", channels=6, sample_rate=48_000, layout="5.1(side)")


def test_tracks_of_more_than_two_channels_have_stereo_and_their_own_channels() -> None:
    found = audio_renditions([MONO, SIX], "aac")
    assert [(each.name, each.track, each.mix.channels, each.variant) for each in found] == [
        ("audio-1", 0, 1, ""),
        ("audio-2", 1, 2, ""),
        ("audio-2-surround", 1, 6, "surround"),
    ]
    assert [each.downmix is not None for each in found] == [False, True, False]
    assert found[2].mix.filters == ()
    assert unmixed_rendition(SIX).name == "audio-1"


def test_unknown_positions_are_mixed_as_the_layout_that_they_are_mapped_to() -> None:
    facts = AudioFacts(track=1, codec="pcm_s16le", channels=4, sample_rate=48_000, layout="4 channels")
    stereo, surround = audio_renditions([facts], "aac")
    assert surround.mix.layout == "4.0"
    assert stereo.mix.filters[0] == surround.mix.filters[0]
    assert stereo.downmix is not None
    assert stereo.downmix.positions == ("FL", "FR", "FC", "BC")


def test_opus_is_beside_aac_at_its_own_rate() -> None:
    facts = [replace(MONO, sample_rate=44_100), SIX]
    found = audio_renditions(facts, "opus")
    assert [(each.name, each.codec, each.sample_rate(facts[each.track])) for each in found] == [
        ("audio-1", "aac", 44_100),
        ("audio-1-opus", "opus", 48_000),
        ("audio-2", "aac", 48_000),
        ("audio-2-surround", "aac", 48_000),
        ("audio-2-opus", "opus", 48_000),
        ("audio-2-surround-opus", "opus", 48_000),
    ]
    # Opus has 5.1 with the surrounds at the back: the same channels under another name.
    assert found[5].mix.layout == "5.1"
    assert "channelmap=map=0-0|1-1|2-2|3-3|4-4|5-5:channel_layout=5.1" in found[5].mix.filters


def test_positions_that_opus_lacks_are_in_opus_as_stereo_only() -> None:
    facts = replace(SIX, channels=4, layout="4.0")
    names = [each.name for each in audio_renditions([facts], "opus")]
    assert names == ["audio-1", "audio-1-surround", "audio-1-opus"]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [("", ""), ("opus", "opus"), ("surround", ""), ("surround-opus", "opus")],
)
def test_a_track_without_surround_is_represented_by_its_stereo(variant: str, expected: str) -> None:
    assert fallback_variant(variant) == expected


def test_the_codec_changes_the_digest_and_aac_is_the_default() -> None:
    profile = load_profile("default")
    assert profile.audio.codec == "aac"
    audio = profile.audio.model_copy(update={"codec": "opus"})
    assert profile.model_copy(update={"audio": audio}).digest() != profile.digest()
