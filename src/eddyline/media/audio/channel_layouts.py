"""Selects the channel layout of AAC and Opus for a source, with the FFmpeg filters and what is lost."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

MAX_CHANNELS: Final = 6  # 5.1, which every AAC player supports

# Layouts that FFmpeg's AAC encoder accepts: the channel configurations of ISO/IEC 14496-3 up to 5.1, and
# those that it writes as a program config element.
_POSITIONS: Final = {
    "mono": "FC",
    "stereo": "FL+FR",
    "3.0": "FL+FR+FC",
    "2.1": "FL+FR+LFE",
    "3.0(back)": "FL+FR+BC",
    "4.0": "FL+FR+FC+BC",
    "quad": "FL+FR+BL+BR",
    "quad(side)": "FL+FR+SL+SR",
    "3.1": "FL+FR+FC+LFE",
    "5.0": "FL+FR+FC+BL+BR",
    "5.0(side)": "FL+FR+FC+SL+SR",
    "4.1": "FL+FR+FC+LFE+BC",
    "5.1": "FL+FR+FC+LFE+BL+BR",
    "5.1(side)": "FL+FR+FC+LFE+SL+SR",
    "6.0": "FL+FR+FC+BC+SL+SR",
    "6.0(front)": "FL+FR+FLC+FRC+SL+SR",
    "hexagonal": "FL+FR+FC+BL+BR+BC",
}
_BY_COUNT: Final = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1"}
# Layouts of Opus in mapping families 0 and 1; surrounds at the sides and at the back are the same channels.
_OPUS_LAYOUTS: Final = {
    **{name: name for name in ("mono", "stereo", "3.0", "quad", "5.0", "5.1")},
    "quad(side)": "quad",
    "5.0(side)": "5.0",
    "5.1(side)": "5.1",
}
# Eight channels as 5.1: the surrounds of a side at -6 dB each, so that their sum does not exceed full scale.
_EIGHT_AS_SIX: Final = "pan=5.1|c0=c0|c1=c1|c2=c2|c3=c3|c4=0.5*c4+0.5*c6|c5=0.5*c5+0.5*c7"
_BY_POSITIONS: Final = {frozenset(positions.split("+")): name for name, positions in _POSITIONS.items()}
# Virtual cardioid microphones to the left and right (AmbiX: channels W, Y, Z, X in SN3D).
_CARDIOIDS: Final = "pan=stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1"
_UNPOSITIONED: Final = re.compile(r"\d+ channels")
_CUSTOM_ORDER: Final = re.compile(r"\d+ channels \((.*)\)")


@dataclass(frozen=True, kw_only=True)
class ChannelMix:
    """FFmpeg's audio filters (none: unchanged), the resulting channels, and what is lost ("" if nothing).

    `layout` is FFmpeg's name of the result.
    """

    filters: tuple[str, ...] = ()
    channels: int
    layout: str
    lost: str = ""

    @property
    def positions(self) -> tuple[str, ...]:
        """FFmpeg's names of the positions of the resulting channels, in order."""
        return tuple(_POSITIONS[self.layout].split("+"))


def channel_mix(channels: int, layout: str) -> ChannelMix:
    """Return the mix of a layout by FFmpeg's name ("5.1", "ambisonic 1", "9 channels").

    Up to six channels are kept; FFmpeg orders them by their positions. More channels are mixed down to 5.1 if
    their positions are known; else the first two are kept, which have the stereo mix in recordings of many
    microphones. If FFmpeg rejects a layout, call this again with `unpositioned_layout`.
    """
    fits = channels <= MAX_CHANNELS
    if layout in _POSITIONS or (not layout and fits):
        return ChannelMix(channels=channels, layout=layout or _BY_COUNT[channels])
    if layout.startswith("ambisonic") and channels >= 4:  # noqa: PLR2004 - first order
        lost = "AAC does not support ambisonic audio: decoded to stereo"
        return ChannelMix(filters=(_CARDIOIDS,), channels=2, layout="stereo", lost=lost)
    custom = _CUSTOM_ORDER.fullmatch(layout)
    ordered = _BY_POSITIONS.get(frozenset(custom[1].split("+"))) if custom else None
    if ordered is not None:
        return ChannelMix(filters=(f"aformat=channel_layouts={ordered}",), channels=channels, layout=ordered)
    if channels in (1, 2) or (fits and _UNPOSITIONED.fullmatch(layout)):
        return ChannelMix(filters=(_map_in_order(channels),), channels=channels, layout=_BY_COUNT[channels])
    if _UNPOSITIONED.fullmatch(layout):
        lost = f"the positions of its {channels} channels are unknown: the first two are kept, as stereo"
        return ChannelMix(filters=(_map_in_order(2),), channels=2, layout="stereo", lost=lost)
    lost = f"AAC renditions have at most {MAX_CHANNELS} channels: mixed down to 5.1"
    return ChannelMix(
        filters=(_EIGHT_AS_SIX if layout == "7.1" else "aformat=channel_layouts=5.1",),
        channels=MAX_CHANNELS,
        layout="5.1",
        lost="" if fits else lost,
    )


def opus_mix(mix: ChannelMix) -> ChannelMix | None:
    """The mix with the order of channels in Opus (RFC 7845 section 5.1.1.2); None for positions it lacks."""
    layout = _OPUS_LAYOUTS.get(mix.layout)
    if layout is None:
        return None
    renamed = () if layout == mix.layout else (_map_in_order(mix.channels, layout),)
    return replace(mix, filters=(*mix.filters, *renamed), layout=layout)


def unpositioned_layout(channels: int) -> str:
    """Return the name of the layout of `channels` channels with unknown positions."""
    return f"{channels} channels"


def _map_in_order(channels: int, layout: str = "") -> str:
    """Return the filter that maps the first channels to `layout` ("": the default one of this number)."""
    pairs = "|".join(f"{number}-{number}" for number in range(channels))
    return f"channelmap=map={pairs}:channel_layout={layout or _BY_COUNT[channels]}"
