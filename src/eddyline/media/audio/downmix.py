"""The stereo downmix of audio with more than two channels.

The gains are those of Recommendation ITU-R BS.775-4, table 2: the centre, and the surrounds of the same side,
at -3 dB, a single surround at -6 dB in both channels. LFE is left out. All gains are then divided by their
largest sum, so that no input can exceed full scale: the left of 5.1 is 0.4142 L + 0.2929 C + 0.2929 Ls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

_HALF_POWER: Final = sqrt(0.5)
_NONE: Final = (0.0, 0.0)
# Gains to the left and to the right, by FFmpeg's names of positions.
_GAINS: Final[Mapping[str, tuple[float, float]]] = {
    "FL": (1.0, 0.0),
    "FR": (0.0, 1.0),
    "FLC": (1.0, 0.0),
    "FRC": (0.0, 1.0),
    "FC": (_HALF_POWER, _HALF_POWER),
    "SL": (_HALF_POWER, 0.0),
    "SR": (0.0, _HALF_POWER),
    "BL": (_HALF_POWER, 0.0),
    "BR": (0.0, _HALF_POWER),
    "BC": (0.5, 0.5),
}
_DIGITS: Final = 6


@dataclass(frozen=True, kw_only=True)
class StereoMatrix:
    """The gain of each channel of `positions` to the left and to the right, in the same order."""

    positions: tuple[str, ...]
    left: tuple[float, ...]
    right: tuple[float, ...]

    @property
    def filters(self) -> tuple[str, ...]:
        """FFmpeg's filters, which compute in floating point."""
        return ("aformat=sample_fmts=fltp", f"pan=stereo|c0={_sum(self.left)}|c1={_sum(self.right)}")

    def to_json(self) -> dict[str, dict[str, float]]:
        """The gains other than 0, by position."""
        sides = {"left": self.left, "right": self.right}
        return {
            side: {name: gain for name, gain in zip(self.positions, gains, strict=True) if gain}
            for side, gains in sides.items()
        }


def stereo_matrix(positions: Sequence[str]) -> StereoMatrix:
    """The downmix of channels at these positions ("FL", "FR", "FC", ...). Others, as LFE, are left out."""
    gains = [_GAINS.get(each, _NONE) for each in positions]
    sums = [sum(each[side] for each in gains) for side in (0, 1)]
    largest = max(*sums, 1.0)
    left, right = (tuple(round(each[side] / largest, _DIGITS) for each in gains) for side in (0, 1))
    return StereoMatrix(positions=tuple(positions), left=left, right=right)


def _sum(gains: Sequence[float]) -> str:
    terms = [f"{gain:+g}*c{number}" for number, gain in enumerate(gains) if gain]
    return "".join(terms).removeprefix("+") or "0*c0"
