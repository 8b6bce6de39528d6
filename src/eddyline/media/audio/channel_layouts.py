"""How the channels of a source become channels that AAC can hold, and what is lost by that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_CHANNELS: Final = 6  # 5.1: what every player of AAC takes

# What FFmpeg's AAC encoder takes as it is, by the number of channels: the channel configurations of
# ISO/IEC 14496-3 up to 5.1, and those that it writes as a program config element.
_PLACES: Final = {
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
_BY_PLACES: Final = {frozenset(places.split("+")): name for name, places in _PLACES.items()}
# Virtual cardioid microphones to the left and right (AmbiX: channels W, Y, Z, X in SN3D).
_CARDIOIDS: Final = "pan=stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1"
_UNPLACED: Final = re.compile(r"\d+ channels")
_OWN_ORDER: Final = re.compile(r"\d+ channels \((.*)\)")


@dataclass(frozen=True, kw_only=True)
class ChannelMix:
    """FFmpeg's audio filters (none: as it is), the channels that come out, and what is lost ("": nothing)."""

    filters: tuple[str, ...] = ()
    channels: int
    lost: str = ""


def channel_mix(channels: int, layout: str) -> ChannelMix:
    """What to do with `channels` channels in a layout by FFmpeg's name ("5.1", "ambisonic 1", "9 channels").

    Up to six channels keep their number; FFmpeg orders them by their places. Of more, its matrix makes 5.1
    where their places are known; else the first two are kept, which recorders of many microphones write their
    stereo mix to. FFmpeg refuses some layouts: then ask again with those of `unpositioned_layout`.
    """
    few = channels <= MAX_CHANNELS
    if layout in _PLACES or (not layout and few):
        return ChannelMix(channels=channels)
    if layout.startswith("ambisonic") and channels >= 4:  # noqa: PLR2004 - first order
        lost = "AAC holds no ambisonic audio: decoded to stereo"
        return ChannelMix(filters=(_CARDIOIDS,), channels=2, lost=lost)
    own = _OWN_ORDER.fullmatch(layout)
    ordered = _BY_PLACES.get(frozenset(own[1].split("+"))) if own else None
    if ordered is not None:
        return ChannelMix(filters=(f"aformat=channel_layouts={ordered}",), channels=channels)
    if channels in (1, 2) or (few and _UNPLACED.fullmatch(layout)):
        return ChannelMix(filters=(_in_order(channels),), channels=channels)
    if _UNPLACED.fullmatch(layout):
        lost = f"the places of its {channels} channels are not known: the first two are kept, as stereo"
        return ChannelMix(filters=(_in_order(2),), channels=2, lost=lost)
    lost = f"AAC renditions have at most {MAX_CHANNELS} channels: mixed down to 5.1"
    return ChannelMix(
        filters=("aformat=channel_layouts=5.1",), channels=MAX_CHANNELS, lost="" if few else lost
    )


def unpositioned_layout(channels: int) -> str:
    """The name of the layout of so many channels whose places are not known."""
    return f"{channels} channels"


def _in_order(channels: int) -> str:
    """The first channels, whatever they are called, as the channels of the usual layout of that number."""
    pairs = "|".join(f"{place}-{place}" for place in range(channels))
    return f"channelmap=map={pairs}:channel_layout={_BY_COUNT[channels]}"
