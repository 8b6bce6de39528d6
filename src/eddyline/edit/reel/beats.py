"""Finds the beats of music: onsets by spectral flux, the tempo by autocorrelation, then dynamic programming.

The method is that of D. Ellis, "Beat Tracking by Dynamic Programming", Journal of New Music Research 36
(2007): beats maximize the sum of the onset strengths at the beats, minus a cost for intervals that differ
from the tempo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from eddyline.edit.highlights.events import Floats, moving_average

RATE: Final = 11_025
"""Hz of the audio."""
LONGEST_S: Final = 600.0
"""Music is analysed up to this time."""

_WINDOW, _HOP = 512, 128
_STEP_S = _HOP / RATE
_SLOWEST_BPM, _FASTEST_BPM, _USUAL_BPM = 50.0, 200.0, 120.0
_OCTAVES = 0.5  # standard deviation of tempos: less than that of Ellis, whose errors are octaves
_BARS = 4  # multiples of the period that are compared
_TIGHTNESS = 100.0  # weight of the cost of irregular beats (Ellis, section 3.3)
_ONSET = 0.6  # share of the window before an onset when its flux is highest; measured with synthetic beats
_LOCAL_S = 0.5
_COMPRESSION = 1000.0
_CLEAR = 0.12  # autocorrelation at the tempo: that of noise is below 0.05
_AUDIBLE = 0.1  # standard deviation of onset strengths; of a steady tone it is 0.06
_SHORTEST_S = 3.0
_BATCH = 4096
_MINUTE_S = 60.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Beats:
    """The beats in seconds, float64[n] (none if they are not clear), and the tempo in beats per minute."""

    times: Floats
    tempo: float


def find_beats(audio: npt.NDArray[np.float32]) -> Beats:
    """The beats of mono audio, float32[n] at 11,025 Hz; at most 10 minutes are used."""
    onsets = onset_strength(np.asarray(audio[: int(LONGEST_S * RATE)], np.float32))
    none = Beats(times=np.zeros(0), tempo=0.0)
    if len(onsets) * _STEP_S < _SHORTEST_S or onsets.std() < _AUDIBLE:
        return none
    period = _find_period(onsets)
    if not period:
        return none
    frames = _track(onsets / onsets.std(), period)
    times = frames * _STEP_S + _WINDOW / RATE * _ONSET
    return Beats(times=times, tempo=round(_MINUTE_S / (period * _STEP_S), 2))


def onset_strength(audio: npt.NDArray[np.float32]) -> Floats:
    """The increase of the log spectrum from each frame to the next, above its local mean, float64[frames]."""
    clean = np.nan_to_num(np.clip(audio, -1, 1))
    if len(clean) < _WINDOW + _HOP:
        return np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(clean, _WINDOW)[::_HOP]
    window = np.hanning(_WINDOW).astype(np.float32)
    flux = np.zeros(len(frames))
    last: npt.NDArray[np.float32] | None = None
    for first in range(0, len(frames), _BATCH):
        spectrum = np.abs(np.fft.rfft(frames[first : first + _BATCH] * window, axis=1)) / _WINDOW
        levels = np.log1p(_COMPRESSION * spectrum)
        before = levels[:1] if last is None else last
        rises = np.diff(np.concatenate((before, levels)), axis=0)
        flux[first : first + len(levels)] = np.maximum(rises, 0).sum(axis=1)
        last = levels[-1:]
    rise: Floats = np.maximum(flux - moving_average(flux, round(_LOCAL_S / _STEP_S)), 0)
    return rise


def _find_period(onsets: Floats) -> float:
    """The most likely beat period in frames; 0 if the onsets are not periodic."""
    centred = onsets - onsets.mean()
    size = 1 << (2 * len(centred) - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, size)
    shortest = int(_MINUTE_S / _FASTEST_BPM / _STEP_S)
    longest = min(int(_MINUTE_S / _SLOWEST_BPM / _STEP_S) + 1, len(centred) // (2 * _BARS))
    lags = np.arange(shortest, longest + 1)
    if len(lags) < 2:  # noqa: PLR2004 - a range of tempos
        return 0.0
    # Beats repeat at each multiple of the period, off-beats at every other one. Longer lags have fewer pairs.
    multiples = lags[:, None] * np.arange(1, _BARS + 1)
    shares = correlation[multiples] / correlation[0] * len(centred) / (len(centred) - multiples)
    values = shares.mean(axis=1)
    octaves = np.log2(lags * _STEP_S * _USUAL_BPM / _MINUTE_S)
    at = int(np.argmax(values * np.exp(-0.5 * (octaves / _OCTAVES) ** 2)))
    if values[at] < _CLEAR:
        return 0.0
    if not 0 < at < len(values) - 1:
        return float(lags[at])
    before, peak, after = values[at - 1 : at + 2].tolist()
    curve = before - 2 * peak + after
    return float(lags[at]) + (0.5 * (before - after) / curve if curve < 0 else 0.0)


def _track(onsets: Floats, period: float) -> Floats:
    """The frames of the best sequence of beats."""
    furthest, nearest = round(2 * period), max(round(period / 2), 1)
    distances = np.arange(furthest, nearest - 1, -1)
    costs = _TIGHTNESS * np.log(distances / period) ** 2
    padded = np.zeros(len(onsets) + furthest)  # before the audio, a sequence may start at no cost
    source = np.full(len(onsets), -1, np.int64)
    for frame, strength in enumerate(onsets.tolist()):
        at = frame + furthest
        scores = padded[at - furthest : at - nearest + 1] - costs
        best = int(np.argmax(scores))
        padded[at] = strength + max(float(scores[best]), 0.0)
        if scores[best] > 0:
            source[frame] = frame - int(distances[best])
    tail = padded[furthest:][-max(round(period), 1) :]
    frame = len(onsets) - len(tail) + int(np.argmax(tail))
    found: list[int] = []
    while frame >= 0:
        found.append(frame)
        frame = int(source[frame])
    return np.array(found[::-1], np.float64)
