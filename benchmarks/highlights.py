"""Measures finding the highlights of one hour: IMU at 200 Hz, GPS at 18 Hz, faces at 10 Hz, audio levels.

The hour has noise, and a fall, a landing, a spin, a burst of speed and a face every 40 s. The process reads
the raw file, finds the events and selects a reel. `highlights.hour_cpu_s` is its CPU time, minus that of an
empty process; `highlights.hour_score_cpu_s` is the part after the telemetry was decoded. The audio is not
decoded: its levels are random.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.telemetry import cpu_s
from eddyline import gpmf

_PAYLOADS, _PERIOD_S = 3597, 40
_IMU, _GPS, _FACES = 200, 18, 10
_GPS_SCALE = [1e7, 1e7, 1000, 1000, 100]
_SCORE = """
import sys, time
import numpy as np
from eddyline import gpmf
from eddyline.edit.highlights.detect import find_events
from eddyline.edit.highlights.loudness import PERIOD_S
from eddyline.edit.highlights.segments import SegmentLength, make_segments
from eddyline.edit.highlights.selection import Recording, select_segments
from eddyline.edit.highlights.signals import Levels, read_signals

telemetry = gpmf.read(sys.argv[1])
for stream in telemetry.streams.values():
    stream.values, stream.times
levels = Levels(start_s=0.0, period_s=PERIOD_S, values=np.random.default_rng(1).normal(-30, 4, 36_000))
end_s = telemetry.duration_s
begin = time.process_time()
events = find_events(read_signals(telemetry, start_s=0.0, end_s=end_s, levels=levels))
candidates = make_segments(events, 0.0, end_s, SegmentLength())
select_segments(candidates, [Recording(start_s=0.0, end_s=end_s)], 30.0, SegmentLength())
print(len(events), time.process_time() - begin, file=open(sys.argv[2], "w"))
"""


def _payload(number: int, random: np.random.Generator) -> bytes:
    """One second of telemetry."""
    phase = number % _PERIOD_S
    accl, gyro = random.normal(0, 0.6, (_IMU, 3)), random.normal(0, 0.2, (_IMU, 3))
    if phase == 10:
        accl[180:190] += 60.0
    else:
        accl[:, 0] += 9.81
    if phase in {15, 16}:
        gyro[:, 2] += 6.0
    speed = 8 + 8 * np.exp(-(((phase - 25) / 3) ** 2)) + random.normal(0, 0.05, _GPS)
    where = np.full(_GPS, 46.0 + number * 1e-6)
    rows = np.rint(np.column_stack((where, where, where, speed, speed)) * _GPS_SCALE)
    fix = [gpmf.leaf("GPSF", "L", 3), gpmf.leaf("GPSP", "S", 141)]
    faces = [[(1, 0.4, 0.4, 0.2, 0.3)] if phase in {30, 31} else []] * _FACES
    total = number + 1
    streams = [
        gpmf.stream("ACCL", "s", np.rint(accl * 418), scale=[418], units=["m/s²"], total=total * _IMU),
        gpmf.stream("GYRO", "s", np.rint(gyro * 939), scale=[939], units=["rad/s"], total=total * _IMU),
        gpmf.stream("GPS5", "l", rows, scale=_GPS_SCALE, modifiers=fix, total=total * _GPS),
        gpmf.stream("FACE", "?", faces, complex_type="Lffff", stepped=True, total=total * _FACES),
    ]
    return gpmf.serialize([gpmf.device(1, "Camera", streams)])


def measure() -> dict[str, float]:
    """Return the CPU seconds for one hour, and the number of events that were found."""
    random = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as directory:
        path, figures = Path(directory) / "hour.gpmf", Path(directory) / "figures"
        path.write_bytes(b"".join(_payload(number, random) for number in range(_PAYLOADS)))
        whole = cpu_s("-c", _SCORE, str(path), str(figures)) - cpu_s("-c", "pass")
        events, score = figures.read_text().split()
        return {
            "highlights.hour_cpu_s": whole,
            "highlights.hour_score_cpu_s": float(score),
            "highlights.hour_events": float(events),
        }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
