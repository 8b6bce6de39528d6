"""All events of one recording: a pure function of its signals."""

from __future__ import annotations

import numpy as np

from eddyline.edit.highlights.events import KINDS, Event
from eddyline.edit.highlights.loudness import find_loudness_jumps
from eddyline.edit.highlights.marks import find_faces, hilight_events
from eddyline.edit.highlights.motion import find_airtime, find_impacts, find_spins
from eddyline.edit.highlights.signals import Signals
from eddyline.edit.highlights.speed import find_speed_events


def find_events(signals: Signals) -> tuple[Event, ...]:
    """The events whose peak the video shows, in order of time, then of kind."""
    found: list[Event] = [*hilight_events(signals.hilights, signals.start_s, signals.end_s)]
    with np.errstate(all="ignore"):  # a damaged file may contain any number
        if signals.accelerometer is not None:
            found += find_airtime(signals.accelerometer)
            found += find_impacts(signals.accelerometer)
        if signals.gyroscope is not None:
            found += find_spins(signals.gyroscope)
        if signals.speed is not None:
            found += find_speed_events(signals.speed)
        if signals.faces is not None:
            found += find_faces(signals.faces)
        if signals.levels is not None:
            found += find_loudness_jumps(signals.levels)
    order = list(KINDS)
    shown = (each for each in found if signals.start_s <= each.peak_s < signals.end_s)
    return tuple(sorted(shown, key=lambda each: (each.start_s, each.end_s, order.index(each.kind))))
