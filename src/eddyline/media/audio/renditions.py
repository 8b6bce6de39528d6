"""The audio renditions of an asset: which of them each track of the source gets.

A track of more than two channels gets a stereo rendition, because not every player has more (HLS Authoring
Specification, item 2.3), and one with its channels beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from eddyline.media.audio.channel_layouts import ChannelMix, channel_mix
from eddyline.media.audio.downmix import StereoMatrix, stereo_matrix
from eddyline.media.source.source import AudioFacts

STEREO: Final = 2
"""Most channels of the renditions that every player plays."""

SURROUND: Final = "surround"
"""The variant with more channels."""


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

    @classmethod
    def of_track(cls, track: int, channels: int) -> AudioRendition:
        """The first rendition of a track, from an encoded file that has no further description."""
        return cls(track=track, mix=ChannelMix(channels=channels, layout=""))


def unmixed_rendition(facts: AudioFacts, track: int = 0) -> AudioRendition:
    """The rendition with the channels of the source, up to 5.1."""
    return AudioRendition(track=track, mix=channel_mix(facts.channels, facts.layout))


def audio_renditions(tracks: Sequence[AudioFacts]) -> tuple[AudioRendition, ...]:
    """The renditions of all tracks in order, the one that every player plays first."""
    return tuple(each for number, facts in enumerate(tracks) for each in _renditions_of(facts, number))


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
