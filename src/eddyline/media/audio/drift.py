"""Measures the offset and the clock drift between the camera's audio and a second recording of it.

Sections of the camera's audio are searched in the other recording, first by their loudness over time
(anywhere), then by their waveform (to a fraction of a sample). The result is a straight line fitted to the
matches, without outliers (repeating music, silence).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError

Floats = npt.NDArray[np.float32]

RATE = 8000  # Hz of the compared audio (`mono.decode_mono`)
_BLOCK = 80  # samples per loudness value: 100 values a second
_MAX_SECTION_S, _MIN_SECTION_S = 20.0, 1.5
_SECTIONS = 16
_MIN_CORRELATION = 0.5  # correlation of loudness above which a section is a match
_MAX_CLOCK_ERROR = 1e-3
_TOLERANCE_S = 0.03
_FINE_RANGE_S = 0.05
_MIN_MATCHES = 3
_SIGNIFICANCE = 2.0  # standard deviations


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The result: time t of the other recording is t / (1 + ppm / 1e6) + offset_s of the camera's audio.

    `ppm` is how much faster the other clock runs, `error_ppm` its standard deviation, `spread_s` the RMS
    deviation of the matches from the line: `points` matches of `tried` sections.
    """

    offset_s: float
    ppm: float
    error_ppm: float
    spread_s: float
    points: int
    tried: int

    @property
    def significant(self) -> bool:
        """Whether the drift exceeds the uncertainty of the measurement."""
        return abs(self.ppm) > _SIGNIFICANCE * self.error_ppm


def measure_drift(camera: Floats, other: Floats) -> Drift:
    """Measure the drift of `other` (both at 8 kHz). Raises `InputError` if the recordings do not match."""
    length = min(_MAX_SECTION_S, max(_MIN_SECTION_S, len(camera) / RATE / 8))
    size = min(int(length * RATE), len(camera), len(other))
    if size < RATE // 2:
        raise InputError("the audio is too short to compare", remedy="pass --offset and --drift as numbers")
    starts = np.unique(np.linspace(0, len(camera) - size, _SECTIONS).astype(np.int64))
    camera_loudness, other_loudness = _loudness_changes(camera), _loudness_changes(other)
    matches: list[tuple[float, float, float]] = []
    for start in starts.tolist():
        section = camera_loudness[start // _BLOCK : (start + size) // _BLOCK]
        at, score = _find_coarse(section, other_loudness)
        if score >= _MIN_CORRELATION:
            matches.append((start / RATE, at * _BLOCK / RATE, score))
    times, positions = [], []
    for start_s, at_s, _ in _consistent_matches(matches):
        start = round(start_s * RATE)
        fine = _find_fine(camera[start : start + size], other, round(at_s * RATE))
        if fine is not None:
            times.append(start / RATE + size / RATE / 2)
            positions.append(fine / RATE + size / RATE / 2)
    return _fit_line(np.array(times), np.array(positions), len(starts))


def _loudness_changes(audio: Floats) -> npt.NDArray[np.float64]:
    """Return the differences of log loudness between adjacent hundredths of a second."""
    count = len(audio) // _BLOCK
    level = np.abs(np.asarray(audio[: count * _BLOCK])).reshape(count, _BLOCK).mean(axis=1)
    floor = max(float(np.median(level)) * 0.1, 1e-5)
    changes: npt.NDArray[np.float64] = np.diff(np.log(level + floor).astype(np.float64), prepend=0.0)
    changes[:1] = 0
    return changes


def _find_coarse(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> tuple[int, float]:
    """Return the best position of `part` in `whole` (it may extend past the ends), and its correlation."""
    part = part - part.mean()
    power = float(part @ part)
    if power < 1e-6 or not len(whole):  # noqa: PLR2004 - silence, or a constant tone
        return 0, 0.0
    size = 1 << int(len(part) + len(whole)).bit_length()
    product = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    sums = np.concatenate(([0.0], np.cumsum(whole * whole)))
    lags = np.arange(-(len(part) // 4), max(len(whole) - len(part) * 3 // 4, 1))
    local = sums[np.clip(lags + len(part), 0, len(whole))] - sums[np.clip(lags, 0, len(whole))]
    scores = product[lags % size] / np.sqrt(power * np.maximum(local, power * 0.05))
    best = int(np.argmax(scores))
    return int(lags[best]), float(scores[best])


def _consistent_matches(matches: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Return the matches (time, position, score) that fit one offset and drift, with the highest total."""
    best: list[tuple[float, float, float]] = []
    for time, position, _ in matches:
        near = [
            each
            for each in matches
            if abs((each[1] - each[0]) - (position - time))
            <= _TOLERANCE_S + _MAX_CLOCK_ERROR * abs(each[0] - time)
        ]
        if sum(each[2] for each in near) > sum(each[2] for each in best):
            best = near
    return best


def _find_fine(part: Floats, whole: Floats, position: int) -> float | None:
    """Return the position near `position` to a fraction of a sample; None if the waveforms do not match."""
    margin = round(_FINE_RANGE_S * RATE)
    start, stop = position - margin, position + len(part) + margin
    window = np.zeros(stop - start)
    inner = slice(max(start, 0), min(stop, len(whole)))
    if inner.start >= inner.stop:
        return None
    window[inner.start - start : inner.stop - start] = whole[inner]
    size = 1 << int(len(window) + len(part)).bit_length()
    cross = np.fft.rfft(window, size) * np.conj(np.fft.rfft(np.asarray(part, np.float64), size))
    # Half of a phase correlation, so that loud low frequencies do not mask transients.
    cross /= np.maximum(np.abs(cross), 1e-12) ** 0.5
    scores = np.fft.irfft(cross, size)[: 2 * margin + 1]
    best = int(np.argmax(scores))
    rest = np.delete(scores, np.arange(max(best - 8, 0), min(best + 9, len(scores))))
    if not 0 < best < 2 * margin or scores[best] <= 1.1 * rest.max(initial=0.0):
        return None
    left, top, right = scores[best - 1 : best + 2].tolist()
    curvature = left - 2 * top + right
    return start + best + (0.5 * (left - right) / curvature if curvature else 0.0)


def _fit_line(times: npt.NDArray[np.float64], positions: npt.NDArray[np.float64], tried: int) -> Drift:
    """Fit a straight line to the points, without outliers."""
    for _ in range(3):
        if len(times) < _MIN_MATCHES:
            raise InputError(
                "the recording and the camera's audio have too few matching sections to align them",
                remedy="pass --offset and --drift as numbers",
            )
        slope, intercept = np.polyfit(times - times.mean(), positions, 1)
        residuals = positions - (intercept + slope * (times - times.mean()))
        limit = max(3 * 1.4826 * float(np.median(np.abs(residuals))), 0.0005)
        if np.all(np.abs(residuals) <= limit):
            break
        times, positions = times[np.abs(residuals) <= limit], positions[np.abs(residuals) <= limit]
    spread = float(np.sqrt(np.mean(residuals**2)))
    deviation = float(np.sqrt(np.sum((times - times.mean()) ** 2)))
    error = max(spread, 0.2 / RATE) / deviation if deviation else 1.0
    origin = float(intercept - slope * times.mean())
    return Drift(
        offset_s=-origin / float(slope),
        ppm=(float(slope) - 1) * 1e6,
        error_ppm=error * 1e6,
        spread_s=spread,
        points=len(times),
        tried=tried,
    )
