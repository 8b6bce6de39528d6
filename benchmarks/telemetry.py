"""Measures one hour of HERO7-like telemetry: CPU seconds of a process, minus those of an empty process.

The process imports the library (including the start of NumPy), reads the raw file and decodes every stream:
stored values, real values with SCAL applied, and the time of each sample. `telemetry.hour_cpu_s` is the main
result; `telemetry.hour_work_cpu_s` excludes the imports. `telemetry.numpy_import_s` is the CPU time of
`import numpy` alone, which shows how fast the machine is.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from eddyline import gpmf

_PAYLOADS = 3597  # one hour of payloads of 1.001 s
_ROUNDS = 7
_EMPTY = "pass"
_NUMPY = "import numpy"
# Modules that `gpmf.read` imports on first use are not part of the work either.
_IMPORT = "import eddyline.gpmf.telemetry"
_DECODE = """
import sys
from eddyline import gpmf
telemetry = gpmf.read(sys.argv[1])
for stream in telemetry.streams.values():
    assert len(stream.values) == len(stream.raw) and len(stream.times) == len(stream)
"""
_GPS_NAME = "GPS (Lat., Long., Alt., 2D speed, 3D speed)"
_GPS_SCALE = [1e7, 1e7, 1000, 1000, 100]
_MATRIX = [[0, 0, 1, 0, -1, 0, 1, 0, 0]]


def payload(number: int, totals: dict[str, int], random: np.random.Generator) -> bytes:
    """Return one second of a HERO7: streams, names and sizes of a real recording, with continuous TSMP."""

    def stream(key: str, char: str, samples: Any, name: str, **options: Any) -> gpmf.Klv:  # noqa: ANN401 - passed to gpmf.stream
        totals[key] = totals.get(key, 0) + len(samples)
        return gpmf.stream(key, char, samples, name=name, total=totals[key], **options)

    axes = [gpmf.leaf("MTRX", "f", _MATRIX), gpmf.leaf("ORIN", "c", "YxZ"), gpmf.leaf("ORIO", "c", "ZXY")]
    imu = int(random.integers(196, 206))
    time_of_day = f"{number // 3600 % 24:02d}{number // 60 % 60:02d}{number % 60:02d}.094"
    gps = [
        gpmf.leaf("GPSF", "L", 3),
        gpmf.leaf("GPSU", "U", f"190103{time_of_day}"),
        gpmf.leaf("GPSP", "S", 141),
    ]
    degrees = ["deg", "deg", "m", "m/s", "m/s"]
    positions = random.integers(-(10**8), 10**8, (int(random.integers(17, 20)), 5))
    fields = "L" + "f" * 22
    streams = [
        stream(
            "ACCL", "s", random.integers(-9000, 9000, (imu, 3)), "Accelerometer", scale=[418], modifiers=axes
        ),
        stream(
            "GYRO", "s", random.integers(-9000, 9000, (imu, 3)), "Gyroscope", scale=[1878], modifiers=axes
        ),
        stream("GPS5", "l", positions, _GPS_NAME, units=degrees, scale=_GPS_SCALE, modifiers=gps),
        stream("FACE", "?", [[]] * 10, "Face Coordinates and details", complex_type=fields, stepped=True),
        stream("ISOE", "L", random.integers(100, 1600, 30), "Sensor ISO"),
        stream("SHUT", "f", random.random(30), "Exposure time (shutter speed)", units=["s"]),
        stream("WBAL", "S", random.integers(3000, 9000, 10), "White Balance temperature (Kelvin)"),
        stream("WRGB", "f", random.random((10, 3)), "White Balance RGB gains"),
        stream("UNIF", "f", random.random(10), "Image uniformity"),
        stream("SROT", "f", random.random(30), "Sensor read out time"),
    ]
    return gpmf.serialize([gpmf.device(1, "Hero7 Black", streams)])


def write_hour(path: Path) -> None:
    """Write one hour of telemetry to `path`."""
    random = np.random.default_rng(7)
    totals: dict[str, int] = {}
    with path.open("wb") as file:
        for number in range(_PAYLOADS):
            file.write(payload(number, totals, random))


def environment() -> dict[str, str]:
    """The variables of a user's process: compiled modules are cached, and nothing is set by this process."""
    removed = {"PYTHONDONTWRITEBYTECODE", "OPENBLAS_NUM_THREADS"}
    return {key: value for key, value in os.environ.items() if key not in removed}


def cpu_s(*argv: str) -> float:
    """Return the minimum CPU seconds of several runs of Python with these arguments: noise only adds time."""
    compiled = environment()
    minimum = float("inf")
    for _ in range(_ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *argv], check=True, env=compiled)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        minimum = min(minimum, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return minimum


def measure() -> dict[str, float]:
    """Return the file size in MB and the CPU seconds for one hour of telemetry."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "hour.gpmf"
        write_hour(path)
        empty, numpy, imports = cpu_s("-c", _EMPTY), cpu_s("-c", _NUMPY), cpu_s("-c", _IMPORT)
        decode = cpu_s("-c", _DECODE, str(path))
        return {
            "telemetry.hour_mb": path.stat().st_size / 1e6,
            "telemetry.hour_cpu_s": decode - empty,
            "telemetry.hour_work_cpu_s": decode - imports,
            "telemetry.numpy_import_s": numpy - empty,
        }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
