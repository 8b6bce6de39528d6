"""Synthetic recordings with planted events: GPMF payloads by the library's writer, and audio."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from eddyline import gpmf
from eddyline.edit.highlights.loudness import measure_levels
from eddyline.edit.highlights.signals import Signals, read_signals

Floats = npt.NDArray[np.float64]

PAYLOAD_S = 1.001  # raw payloads without times last so long
IMU, GPS, FACE = 200, 18, 10  # samples of each payload
AUDIO_HZ = 8000
G = 9.80665
_GPS_SCALE = [1e7, 1e7, 1000, 1000, 100]
MOTION, DRIVING = ("airtime", "impact", "spin"), ("speed", "braking")


@dataclass(frozen=True, kw_only=True)
class Planted:
    """An event that was written into the signals."""

    kind: str
    start_s: float
    end_s: float


@dataclass(kw_only=True)
class Recording:
    """A recording of `seconds` payloads, with noise of the given strength; `faults` are names of defects."""

    seed: int
    seconds: int = 130
    faults: frozenset[str] = frozenset()
    planted: list[Planted] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)
        self.imu_times = np.arange(self.seconds * IMU) * PAYLOAD_S / IMU
        self.gps_times = np.arange(self.seconds * GPS) * PAYLOAD_S / GPS
        self.face_times = np.arange(self.seconds * FACE) * PAYLOAD_S / FACE
        count = len(self.imu_times)
        self.gravity = np.ones(count)  # share of gravity that is felt
        self.shock = np.zeros(count)
        self.rotation = self.random.normal(0, 6, (count, 3))  # °/s
        self.speed = 8 + self.random.normal(0, 0.08, len(self.gps_times))
        self.fix = np.full(self.seconds, 3)
        self.faces = np.zeros(len(self.face_times), np.int64)
        self.loudness = np.full(self.seconds * AUDIO_HZ + AUDIO_HZ, -42.0)  # dBFS of each sample
        self.hilights: list[gpmf.Hilight] = []

    def plant(self, kind: str, start_s: float, end_s: float, strength: float) -> None:
        """Write one event; `strength` from 0 to 1."""
        getattr(self, f"_{kind}")(start_s, end_s, strength)
        self.planted.append(Planted(kind=kind, start_s=start_s, end_s=end_s))

    def _airtime(self, start_s: float, end_s: float, _: float) -> None:
        self.gravity[self._imu(start_s, end_s)] = 0.0

    def _impact(self, start_s: float, end_s: float, strength: float) -> None:
        inside = self._imu(start_s, end_s)
        shape = np.sin(np.pi * (self.imu_times[inside] - start_s) / (end_s - start_s))
        self.shock[inside] = (5 + 4 * strength) * shape

    def _spin(self, start_s: float, end_s: float, strength: float) -> None:
        inside = self._imu(start_s, end_s)
        axis = self.random.normal(0, 1, 3)
        axis /= np.linalg.norm(axis)
        edge = np.minimum(
            np.minimum(self.imu_times[inside] - start_s, end_s - self.imu_times[inside]) / 0.15, 1
        )
        angle = 400 + 400 * strength
        self.rotation[inside] += np.outer(angle * edge / (edge.sum() * PAYLOAD_S / IMU), axis)

    def _speed(self, start_s: float, end_s: float, strength: float) -> None:
        # The planted interval is that above half of the excess.
        middle, half = (start_s + end_s) / 2, end_s - start_s
        phase = np.clip((self.gps_times - middle) / half, -1, 1)
        height = min(7 + 8 * strength, 1.5 * half)  # otherwise its end is hard braking
        self.speed += height * (1 + np.cos(np.pi * phase)) / 2

    def _braking(self, start_s: float, end_s: float, strength: float) -> None:
        loss = (4.5 + 2 * strength) * (end_s - start_s)
        rise = np.clip((self.gps_times - (start_s - 14)) / 12, 0, 1)
        fall = np.clip((self.gps_times - start_s) / (end_s - start_s), 0, 1)
        self.speed += loss * (rise - fall)

    def _face(self, start_s: float, end_s: float, strength: float) -> None:
        inside = (self.face_times >= start_s) & (self.face_times < end_s)
        self.faces[inside] = 1 + round(strength)

    def _loudness(self, start_s: float, end_s: float, strength: float) -> None:
        self.loudness[int(start_s * AUDIO_HZ) : int(end_s * AUDIO_HZ)] = -24 + 18 * strength

    def _hilight(self, start_s: float, end_s: float, _: float) -> None:
        self.hilights.append(gpmf.Hilight(time_s=(start_s + end_s) / 2, start_s=start_s, end_s=end_s))

    def _imu(self, start_s: float, end_s: float) -> npt.NDArray[np.bool_]:
        return np.asarray((self.imu_times >= start_s) & (self.imu_times < end_s))

    def acceleration(self) -> Floats:
        """Accelerometer samples in g: gravity in a direction that turns slowly, shocks, vibration, noise."""
        times, random = self.imu_times, self.random
        first, second = np.linalg.qr(random.normal(0, 1, (3, 2)))[0].T
        turn = 0.05 * times
        values = np.outer(np.cos(turn) * self.gravity, first) + np.outer(np.sin(turn) * self.gravity, second)
        direction = random.normal(0, 1, 3)
        values += np.outer(self.shock, direction / np.linalg.norm(direction))
        amplitude = 1.2 if "vibration" in self.faults else random.uniform(0, 0.4)
        shaking = amplitude * np.sin(2 * np.pi * random.uniform(30, 70) * times)
        values += np.outer(shaking, random.permutation([1.0, 0.0, 0.0]))
        return np.asarray(values + random.normal(0, 0.05, values.shape))

    def payloads(self) -> bytes:
        """The payloads of the whole recording."""
        accl, gyro = self.acceleration(), np.radians(self.rotation)
        units = {"accl": "m/s²", "gyro": "rad/s"}
        if "wrong units" in self.faults:
            accl, gyro = accl / G, np.degrees(gyro)
        if "no units" in self.faults:
            units = {"accl": "", "gyro": ""}
        accl *= G
        if "damaged samples" in self.faults:
            rows = self.random.integers(0, len(accl), 300)
            accl[rows] = self.random.choice([np.nan, np.inf, -np.inf], (300, 3))
            gyro[rows] = np.nan
            accl[rows[:5]] = 1e38
        if "lost fix" in self.faults:
            self.fix[[5, 6, 7, self.seconds - 3]] = 0
        out = []
        for second in range(self.seconds):
            empty = "empty payloads" in self.faults and second in {0, self.seconds - 1}
            out.append(
                gpmf.serialize(
                    [gpmf.device(1, "Camera", self._streams(second, accl, gyro, units, empty=empty))]
                )
            )
        return b"".join(out)

    def _streams(
        self, second: int, accl: Floats, gyro: Floats, units: dict[str, str], *, empty: bool
    ) -> Iterator[gpmf.Klv]:
        imu = slice(second * IMU, second * IMU if empty else (second + 1) * IMU)
        for key, values in (("accl", accl), ("gyro", gyro)):
            if f"no {key}" not in self.faults:
                unit = [units[key]] if units[key] else ()
                table = values[imu] if not empty else np.zeros((0, 3))
                yield gpmf.stream(key.upper(), "f", table, units=unit, total=imu.stop)
        if "no gps" not in self.faults:
            yield self._gps(second)
        if "no face" not in self.faults:
            steps: list[Any] = [
                [(1, 0.4, 0.4, 0.2, 0.3)] * int(count)
                for count in self.faces[second * FACE : (second + 1) * FACE]
            ]
            total = (second + 1) * FACE
            yield gpmf.stream("FACE", "?", steps, complex_type="Lffff", stepped=True, total=total)

    def _gps(self, second: int) -> gpmf.Klv:
        inside = slice(second * GPS, (second + 1) * GPS)
        # Readings without a fix are far off.
        speed = self.speed[inside] if self.fix[second] else np.full(GPS, 60.0)
        where = 46.0 + np.cumsum(self.speed)[inside] * 1e-6
        rows = np.column_stack((where, where, np.zeros(GPS), speed, speed)) * _GPS_SCALE
        fixed = [
            gpmf.leaf("GPSF", "L", int(self.fix[second])),
            gpmf.leaf("GPSP", "S", 150 if self.fix[second] else 9999),
        ]
        total = (second + 1) * GPS
        return gpmf.stream("GPS5", "l", np.rint(rows), scale=_GPS_SCALE, modifiers=fixed, total=total)

    def audio(self) -> npt.NDArray[np.float32]:
        """Mono audio at 8 kHz."""
        noise = self.random.normal(0, 1, len(self.loudness)) * 10 ** (self.loudness / 20)
        return np.asarray(np.clip(noise, -1, 1), np.float32)

    def signals(self) -> Signals:
        """The signals as they are read from the files."""
        telemetry = gpmf.read_payloads(self.payloads(), lenient=True)
        levels = None if "no audio" in self.faults else measure_levels(self.audio(), AUDIO_HZ)
        return read_signals(
            telemetry,
            start_s=0.0,
            end_s=self.seconds * PAYLOAD_S,
            hilights=self.hilights,
            levels=levels,
        )


LENGTHS: dict[str, tuple[float, float]] = {
    "airtime": (0.4, 1.3),
    "impact": (0.06, 0.14),
    "spin": (0.9, 2.0),
    "speed": (6.0, 12.0),
    "braking": (2.0, 3.5),
    "face": (1.0, 5.0),
    "loudness": (0.8, 2.4),
    "hilight": (2.0, 8.0),
}


def random_recording(seed: int, faults: Sequence[str] = ()) -> Recording:
    """A recording with about 12 events at random times, of the kinds that its streams can show."""
    recording = Recording(seed=seed, faults=frozenset(faults))
    random = np.random.default_rng(seed + 1000)
    missing = {"no accl": ("airtime", "impact"), "no gyro": ("spin",), "no gps": DRIVING}
    missing |= {"no face": ("face",), "no audio": ("loudness",)}
    left_out = {kind for fault in faults for kind in missing.get(fault, ())}
    # One event of motion in each slot, so that they do not overlap; the other sensors have their own slots.
    groups: tuple[tuple[tuple[str, ...], float, Callable[[float], float]], ...] = (
        (MOTION, 12.0, lambda at: at + 2),
        (("loudness",), 25.0, lambda at: at + 8),
        (("face",), 30.0, lambda at: at + 4),
        (("hilight",), 50.0, lambda at: at + 10),
        (DRIVING, 42.0, lambda at: at + 22),
    )
    for kinds, slot_s, begin in groups:
        for slot in np.arange(12.0, recording.seconds - slot_s - 12, slot_s):
            kind = str(random.choice(kinds))
            low, high = LENGTHS[kind]
            start_s = begin(float(slot)) + float(random.uniform(0, 2))
            end_s = start_s + float(random.uniform(low, high))
            if kind not in left_out:
                recording.plant(kind, start_s, end_s, float(random.uniform(0, 1)))
    return recording


def overlap(a: Planted, start_s: float, end_s: float) -> float:
    """The intersection of two intervals over their union."""
    common = min(a.end_s, end_s) - max(a.start_s, start_s)
    return max(common, 0.0) / (max(a.end_s, end_s) - min(a.start_s, start_s))
