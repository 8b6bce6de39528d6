"""Drops the rungs of a codec family that are not worth their storage, by the bitrates that they need.

The rules are those of automated ABR ladders (AWS Elemental MediaConvert, "Automated ABR"): smallest top and
bottom rung, forced rungs, most rungs, and the step between the bitrates of neighbours. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Final

from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.smart_settings import SmartSettings

_FAR_TOO_LOW: Final = 1.5  # what the target needs, in maximum rates of the rung


def drop_rungs(rungs: Sequence[Rung], kbps: Mapping[str, float], settings: SmartSettings) -> dict[str, str]:
    """The names of the rungs to drop, with the reasons; at least one rung is left.

    `rungs` are those of a family, largest first; `kbps` has the bitrates that they need for the target.
    """
    ladder = _Ladder(kbps=kbps, settings=settings, left=list(rungs))
    ladder.drop_bottom()
    ladder.drop_top()
    ladder.drop_close()
    ladder.drop_surplus()
    return ladder.dropped


@dataclass(kw_only=True)
class _Ladder:
    """The rungs that are `left`, largest first, and those that were `dropped`, with the reasons."""

    kbps: Mapping[str, float]
    settings: SmartSettings
    left: list[Rung]
    dropped: dict[str, str] = field(default_factory=dict)

    def drop_bottom(self) -> None:
        """Drop the rungs below the smallest bottom rung."""
        least = self.settings.min_bottom_height
        for rung in self.left[1:]:
            if least is not None and _lines(rung) < least:
                self._drop(rung, f"it has fewer lines than min_bottom_height ({least})")

    def drop_top(self) -> None:
        """Drop large rungs that their maximum rate keeps far below the target; the next one looks better."""
        least = self.settings.min_top_height
        while least is not None and len(self.left) > 1 and _lines(self.left[1]) >= least:
            top = self.left[0]
            if self.kbps[top.name] < _FAR_TOO_LOW * top.maxrate_kbps or self._is_forced(top):
                break
            self._drop(top, f"the target needs far more than its maximum rate ({top.maxrate_kbps} kbit/s)")

    def drop_close(self) -> None:
        """Drop rungs that need almost the bits of the next larger one, which looks better.

        A rung that is rather close stays if the next smaller one would be too far from the larger one.
        """
        least, most = self.settings.min_step, self.settings.max_step
        place = 1
        while place < len(self.left):
            rung, smaller = self.left[place], self.left[place + 1 : place + 2]
            step = self._step(rung)
            if step < sqrt(least) or (
                step < least and (not smaller or self._step(smaller[0], self.left[place - 1]) <= most)
            ):
                above = self.left[place - 1].name
                if self._drop(rung, f"{above} needs only {step:.2f} times its bits"):
                    continue
            place += 1

    def drop_surplus(self) -> None:
        """Drop those rungs between the largest and the smallest one that are closest to the next larger."""
        most = self.settings.max_rungs
        while most is not None and len(self.left) > most:
            inner = self.left[1:-1] or self.left[1:]
            free = [rung for rung in inner if not self._is_forced(rung)]
            if not free:
                break
            self._drop(min(free, key=self._step), f"there are more rungs than max_rungs ({most})")

    def _drop(self, rung: Rung, reason: str) -> bool:
        if self._is_forced(rung):
            return False
        self.dropped[rung.name] = reason
        self.left.remove(rung)
        return True

    def _is_forced(self, rung: Rung) -> bool:
        return _lines(rung) in self.settings.forced_heights

    def _step(self, rung: Rung, above: Rung | None = None) -> float:
        """How many times its bits the rung above needs (the next larger one, if it is not given)."""
        above = above or self.left[self.left.index(rung) - 1]
        return self.kbps[above.name] / max(self.kbps[rung.name], 1e-9)


def _lines(rung: Rung) -> int:
    return min(rung.width, rung.height)
