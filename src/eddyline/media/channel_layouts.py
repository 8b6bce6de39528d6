"""How the channels of a source become channels that AAC can hold, and what is lost by that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MOST_CHANNELS: Final = 6  # 5.1: what every player of AAC takes

# What FFmpeg's AAC encoder takes as it is: the channel configurations of ISO/IEC 14496-3 up to 5.1, and those
# that it writes as a program config element.
_HELD: Final = frozenset(
    {
        *("mono", "stereo", "2.1", "3.0", "3.0(back)", "3.1", "4.0", "4.1", "quad", "quad(side)"),
        *("5.0", "5.0(side)", "5.1", "5.1(side)", "6.0", "6.0(front)", "hexagonal"),
    }
)
_BY_COUNT: Final = {1: "mono", 2: "stereo", 3: "3.0", 4: "4.0", 5: "5.0", 6: "5.1"}
# Virtual cardioid microphones to the left and right (AmbiX: channels W, Y, Z, X in SN3D).
_CARDIOIDS: Final = "pan=stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1"
_UNSPECIFIED: Final = re.compile(r"\d+ channels( \(.*\))?")


@dataclass(frozen=True, kw_only=True)
class Mix:
    """FFmpeg's audio filters (none: as it is), the channels that come out, and what is lost ("": nothing)."""

    filters: tuple[str, ...] = ()
    channels: int
    lost: str = ""


def mix_of(channels: int, layout: str) -> Mix:
    """What to do with `channels` channels in a layout by FFmpeg's name ("5.1", "ambisonic 1", "9 channels").

    Up to six channels keep their number. Of more, FFmpeg's own matrix makes 5.1 where their places are known;
    else the first two are kept, which recorders of many microphones write their stereo mix to.
    """
    if layout in _HELD or (not layout and channels in _BY_COUNT):
        return Mix(channels=channels)
    if layout.startswith("ambisonic") and channels >= 4:  # noqa: PLR2004 - first order
        lost = "AAC holds no ambisonic audio: decoded to stereo"
        return Mix(filters=(_CARDIOIDS,), channels=2, lost=lost)
    if channels in (1, 2) or (channels in _BY_COUNT and not _standard(layout)):
        return Mix(filters=(_in_order(channels),), channels=channels)
    if not _standard(layout):
        lost = f"the places of its {channels} channels are not known: the first two are kept, as stereo"
        return Mix(filters=(_in_order(2),), channels=2, lost=lost)
    lost = f"AAC renditions have at most {MOST_CHANNELS} channels: mixed down to 5.1"
    few = channels <= MOST_CHANNELS
    return Mix(filters=("aformat=channel_layouts=5.1",), channels=MOST_CHANNELS, lost="" if few else lost)


def without_places(channels: int) -> str:
    """The name of the layout of so many channels whose places are not known."""
    return f"{channels} channels"


def _standard(layout: str) -> bool:
    """Whether FFmpeg knows the layout by a name, so that its matrix can mix it (or guesses it: no name)."""
    return not _UNSPECIFIED.fullmatch(layout)


def _in_order(channels: int) -> str:
    """The first channels, whatever they are called, as the channels of the usual layout of that number."""
    pairs = "|".join(f"{place}-{place}" for place in range(channels))
    return f"channelmap=map={pairs}:channel_layout={_BY_COUNT[channels]}"
