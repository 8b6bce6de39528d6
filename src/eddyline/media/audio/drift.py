"""How a second recording of the same sound lies to the camera's: its offset, and how fast its clock runs.

Stretches of the camera's sound are looked for in the other recording, first by their loudness over time
(anywhere), then by their waves (to a fraction of a sample). A straight line through what was found is the
answer; what does not lie on it (music that repeats, silence) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from eddyline.core.errors import InputError
from eddyline.core.process import Limits, Runner
from eddyline.media.toolchain import FFMPEG_BASE, Toolchain, input_args

Floats = npt.NDArray[np.float32]

RATE = 8000  # Hz that sounds are compared at
_BLOCK = 80  # samples a value of loudness: 100 a second
_LONGEST_S, _SHORTEST_S = 20.0, 1.5
_STRETCHES = 16
_LIKE = 0.5  # correlation of loudness from which on a stretch counts as found
_WORST_CLOCK = 1e-3  # no recorder is off by more
_NEAR_S = 0.03
_FINE_S = 0.05
_FEWEST = 3
_LONGEST_BYTES = 4 * RATE * 3600 * 24
_BASE_S = 120.0
_HIDE = 2.0  # a drift below so many times its uncertainty is none


@dataclass(frozen=True, kw_only=True)
class Drift:
    """What was found: time t of the other sound belongs at t / (1 + ppm / 1e6) + offset_s of the camera's.

    `ppm`: how much faster the other clock runs; `error_ppm` how sure that is (one standard deviation);
    `spread_s` how far the `points` found of `tried` lie from the line.
    """

    offset_s: float
    ppm: float
    error_ppm: float
    spread_s: float
    points: int
    tried: int

    @property
    def significant(self) -> bool:
        """Whether the drift is more than the measurement's uncertainty."""
        return abs(self.ppm) > _HIDE * self.error_ppm


def decode_audio(path: Path, out: Path, *, tools: Toolchain, runner: Runner, formats: str = "") -> Floats:
    """The first sound of a file from its movie's zero on, one channel at 8 kHz, mapped from `out`.

    Raises `ToolError`, `InputError` (a day of sound and more).
    """
    limited = ("-format_whitelist", formats) if formats else ()
    argv = (
        *(str(tools.ffmpeg), *FFMPEG_BASE, "-y", "-copyts", *limited, *input_args(path)),
        *("-map", "0:a:0", "-vn", "-af", f"aresample={RATE}:async=1:first_pts=0", "-ac", "1"),
        *("-fs", str(_LONGEST_BYTES), "-f", "f32le", f"file:{out}"),
    )
    runner.run(argv, limits=Limits(wall_s=_BASE_S + path.stat().st_size / 200_000))
    if out.stat().st_size < 4:  # noqa: PLR2004 - one sample
        raise InputError(f"{path.name} has no sound", remedy="give a file with sound")
    return np.memmap(out, dtype="<f4", mode="r")


def measure_drift(own: Floats, other: Floats) -> Drift:
    """Where `other` lies to `own` (both at 8 kHz). Raises `InputError` where they are not the same sound."""
    length = min(_LONGEST_S, max(_SHORTEST_S, len(own) / RATE / 8))
    size = min(int(length * RATE), len(own), len(other))
    if size < RATE // 2:
        raise InputError("the sounds are too short to compare", remedy="give --offset and --drift as numbers")
    begins = np.unique(np.linspace(0, len(own) - size, _STRETCHES).astype(np.int64))
    loud_own, loud_other = _loudness(own), _loudness(other)
    found: list[tuple[float, float, float]] = []
    for begin in begins.tolist():
        at, score = _coarse(loud_own[begin // _BLOCK : (begin + size) // _BLOCK], loud_other)
        if score >= _LIKE:
            found.append((begin / RATE, at * _BLOCK / RATE, score))
    agreed = _agreeing(found)
    times, places = [], []
    for begin_s, at_s, _ in agreed:
        begin = round(begin_s * RATE)
        fine = _fine(own[begin : begin + size], other, round(at_s * RATE))
        if fine is not None:
            times.append(begin / RATE + size / RATE / 2)
            places.append(fine / RATE + size / RATE / 2)
    return _line(np.array(times), np.array(places), len(begins))


def _loudness(sound: Floats) -> npt.NDArray[np.float64]:
    """How loudness (log) changes from one hundredth of a second to the next."""
    count = len(sound) // _BLOCK
    level = np.abs(np.asarray(sound[: count * _BLOCK])).reshape(count, _BLOCK).mean(axis=1)
    quiet = max(float(np.median(level)) * 0.1, 1e-5)
    changes: npt.NDArray[np.float64] = np.diff(np.log(level + quiet).astype(np.float64), prepend=0.0)
    changes[:1] = 0
    return changes


def _coarse(part: npt.NDArray[np.float64], whole: npt.NDArray[np.float64]) -> tuple[int, float]:
    """Where `part` fits best into `whole` (it may hang over the ends), and the correlation there."""
    part = part - part.mean()
    power = float(part @ part)
    if power < 1e-6 or not len(whole):  # noqa: PLR2004 - silence, or a tone that never changes
        return 0, 0.0
    size = 1 << int(len(part) + len(whole)).bit_length()
    product = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    sums = np.concatenate(([0.0], np.cumsum(whole * whole)))
    lags = np.arange(-(len(part) // 4), max(len(whole) - len(part) * 3 // 4, 1))
    local = sums[np.clip(lags + len(part), 0, len(whole))] - sums[np.clip(lags, 0, len(whole))]
    scores = product[lags % size] / np.sqrt(power * np.maximum(local, power * 0.05))
    best = int(np.argmax(scores))
    return int(lags[best]), float(scores[best])


def _agreeing(found: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """The largest set of finds that one offset and a likely clock explain."""
    best: list[tuple[float, float, float]] = []
    for time, place, _ in found:
        near = [
            each
            for each in found
            if abs((each[1] - each[0]) - (place - time)) <= _NEAR_S + _WORST_CLOCK * abs(each[0] - time)
        ]
        if sum(each[2] for each in near) > sum(each[2] for each in best):
            best = near
    return best


def _fine(part: Floats, whole: Floats, place: int) -> float | None:
    """The place to a fraction of a sample; None where the waves do not match."""
    reach = round(_FINE_S * RATE)
    first, last = place - reach, place + len(part) + reach
    room = np.zeros(last - first)
    inner = slice(max(first, 0), min(last, len(whole)))
    if inner.start >= inner.stop:
        return None
    room[inner.start - first : inner.stop - first] = whole[inner]
    size = 1 << int(len(room) + len(part)).bit_length()
    cross = np.fft.rfft(room, size) * np.conj(np.fft.rfft(np.asarray(part, np.float64), size))
    # Half way to phase alone: loud low notes do not drown the sharp edges that tell the time.
    cross /= np.maximum(np.abs(cross), 1e-12) ** 0.5
    scores = np.fft.irfft(cross, size)[: 2 * reach + 1]
    best = int(np.argmax(scores))
    rest = np.delete(scores, np.arange(max(best - 8, 0), min(best + 9, len(scores))))
    if not 0 < best < 2 * reach or scores[best] <= 1.1 * rest.max(initial=0.0):
        return None
    left, top, right = scores[best - 1 : best + 2].tolist()
    bend = left - 2 * top + right
    return first + best + (0.5 * (left - right) / bend if bend else 0.0)


def _line(times: npt.NDArray[np.float64], places: npt.NDArray[np.float64], tried: int) -> Drift:
    """The straight line through the points, without those far off it."""
    for _ in range(3):
        if len(times) < _FEWEST:
            raise InputError(
                "the recording and the camera's own sound have too little in common to line them up",
                remedy="give --offset and --drift as numbers",
            )
        slope, begin = np.polyfit(times - times.mean(), places, 1)
        off = places - (begin + slope * (times - times.mean()))
        limit = max(3 * 1.4826 * float(np.median(np.abs(off))), 0.0005)
        if np.all(np.abs(off) <= limit):
            break
        times, places = times[np.abs(off) <= limit], places[np.abs(off) <= limit]
    spread = float(np.sqrt(np.mean(off**2)))
    across = float(np.sqrt(np.sum((times - times.mean()) ** 2)))
    error = max(spread, 0.2 / RATE) / across if across else 1.0
    alpha = float(begin - slope * times.mean())
    return Drift(
        offset_s=-alpha / float(slope),
        ppm=(float(slope) - 1) * 1e6,
        error_ppm=error * 1e6,
        spread_s=spread,
        points=len(times),
        tried=tried,
    )
