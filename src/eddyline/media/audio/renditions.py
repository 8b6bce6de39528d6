"""The audio renditions of an asset: which of them each track of the source gets.

A track of more than two channels gets a stereo rendition, because not every player has more (HLS Authoring
Specification, item 2.3), and one with its channels beside it. Opus, if a profile asks for it, is beside AAC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from eddyline.media.audio.ambisonic import ambisonic_mix, stereo_decode
from eddyline.media.audio.channel_layouts import ChannelMix, channel_mix, opus_mix
from eddyline.media.audio.downmix import StereoMatrix, stereo_matrix
from eddyline.media.source.source import AudioFacts
from eddyline.mp4.entries.ambisonic import Ambisonics

STEREO: Final = 2
"""Most channels of the renditions that every player plays."""

SURROUND: Final = "surround"
"""The variant with more channels."""

OPUS: Final = "opus"
"""The variant in Opus; with more channels it is "surround-opus"."""

_OPUS_RATE: Final = 48_000
_MAX_RATE: Final = 48_000
_RATES: Final = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


@dataclass(frozen=True, kw_only=True)
class AudioRendition:
    """One rendition of the source's audio track number `track`, from 0 in the order of its facts.

    `mix` has the filters and the channels; `downmix` is its last filter if stereo is made from more channels.
    `variant` distinguishes the rendition from the one that every player plays ("" for that one).
    """

    track: int
    mix: ChannelMix
    codec: str = "aac"
    downmix: StereoMatrix | None = None
    variant: str = ""

    @property
    def name(self) -> str:
        """The directory in the stream: "audio-1", "audio-1-surround"."""
        return "-".join(each for each in (f"audio-{self.track + 1}", self.variant) if each)

    def sample_rate(self, facts: AudioFacts) -> int:
        """The encoded sample rate in Hz.

        In AAC that of the source, or else the next one that players support; Opus has one rate.
        """
        if self.codec == OPUS:
            return _OPUS_RATE
        return next((each for each in _RATES if each >= facts.sample_rate), _MAX_RATE)

    @classmethod
    def of_track(cls, track: int, channels: int) -> AudioRendition:
        """The first rendition of a track, from an encoded file that has no further description."""
        return cls(track=track, mix=ChannelMix(channels=channels, layout=""))


def unmixed_rendition(facts: AudioFacts, track: int = 0) -> AudioRendition:
    """The rendition with the channels of the source, up to 5.1; of ambisonic audio its decode to stereo."""
    if facts.ambisonic:
        found = Ambisonics(components=facts.ambisonic)
        return AudioRendition(track=track, mix=ambisonic_mix(found), downmix=stereo_decode(found))
    return AudioRendition(track=track, mix=channel_mix(facts.channels, facts.layout))


def audio_renditions(tracks: Sequence[AudioFacts], codec: str) -> tuple[AudioRendition, ...]:
    """The renditions of all tracks in order, the one that every player plays first.

    `codec` is that of the profile.
    """
    found: list[AudioRendition] = []
    for number, facts in enumerate(tracks):
        renditions = _renditions_of(facts, number)
        found += renditions
        if codec == OPUS:
            found += [opus for each in renditions if (opus := _in_opus(each)) is not None]
    return tuple(found)


def fallback_variant(variant: str) -> str:
    """The variant of the same codec that every track has."""
    return variant.removeprefix(SURROUND).removeprefix("-")


def _renditions_of(facts: AudioFacts, track: int) -> list[AudioRendition]:
    unmixed = unmixed_rendition(facts, track)
    if unmixed.mix.channels <= STEREO:
        return [unmixed]
    return [_stereo(unmixed), replace(unmixed, variant=SURROUND)]


def _stereo(unmixed: AudioRendition) -> AudioRendition:
    """The downmix of a rendition with more channels."""
    matrix = stereo_matrix(unmixed.mix.positions)
    filters = (*unmixed.mix.filters, *matrix.filters)
    mix = ChannelMix(filters=filters, channels=STEREO, layout="stereo")
    return AudioRendition(track=unmixed.track, mix=mix, downmix=matrix)


def _in_opus(rendition: AudioRendition) -> AudioRendition | None:
    """The rendition in Opus; None if Opus has no such positions."""
    mix = opus_mix(rendition.mix)
    if mix is None:
        return None
    variant = "-".join(each for each in (rendition.variant, OPUS) if each)
    return replace(rendition, mix=mix, codec=OPUS, variant=variant)
