"""Measures the time and memory for the index of a one-hour 60 fps file, with the start of Python and NumPy.

`index.numpy_import_s` is the time of Python and `import numpy` alone, which shows how fast the machine is.
The file is sparse: its index is complete and as irregular as a camera's, its media are holes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.telemetry import environment
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.write.box_writer import ftyp_box, mdat_header, moov_box
from eddyline.mp4.write.interleave import TrackTiming, plan_chunks
from eddyline.mp4.write.output_track import OutputTrack

_SECONDS = 3600
_ROUNDS = 7
_READ = r"""
import json, re, sys
from pathlib import Path
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges
with FileRanges(sys.argv[1]) as source:
    movie = read_movie(source)
# not ru_maxrss, which includes the parent from which this process was forked
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"samples": [len(t.samples) for t in movie.tracks], "mb": peak, "read": movie.bytes_read}))
"""


def _track(handler: str, entry: str, timescale: int, ticks: Ints) -> OutputTrack:
    fields = bytes(78) if handler == "vide" else bytes(28)
    row = make_box(entry, bytes(6), b"\0\1", fields[8:])
    return OutputTrack(
        handler=handler,
        name=handler,
        timescale=timescale,
        stsd=make_full_box("stsd", 0, 0, b"\0\0\0\1", row),
        media_header=make_full_box("nmhd", 0, 0),
        pieces=(),
        duration=ticks,
    )


def write_sparse(path: Path, seconds: int = _SECONDS) -> None:
    """60 fps with B-frames and a keyframe per second, AAC, and telemetry; media are holes."""
    random = np.random.default_rng(7)
    frames, packets = seconds * 60, seconds * 48000 // 1024
    sizes = [
        random.integers(20_000, 120_000, frames),
        random.integers(300, 420, packets),
        random.integers(3_000, 9_000, seconds),
    ]
    ticks = [np.full(frames, 1001), np.full(packets, 1024), np.full(seconds, 1001)]
    shapes = [("vide", "avc1", 60000), ("soun", "mp4a", 48000), ("meta", "gpmd", 1000)]
    tracks = [_track(*shape, tick) for shape, tick in zip(shapes, ticks, strict=True)]
    sync = np.zeros(frames, np.bool_)
    sync[::60] = True
    offsets = np.resize(np.array([2, 5, 2, 0, 1]), frames) * 1001
    tracks[0] = replace(tracks[0], sync=sync, cts_offset=offsets)
    timings = [
        TrackTiming(size=size, duration=tick, description=np.ones(len(size), np.int32), timescale=shape[2])
        for shape, size, tick in zip(shapes, sizes, ticks, strict=True)
    ]
    # one frame per chunk, as cameras write them
    chunks = plan_chunks(timings, 0.01)
    media = sum(int(size.sum()) for size in sizes)
    head, media_header = ftyp_box("isom", ("isom",)), mdat_header(media)
    moov = moov_box(
        tracks,
        timings,
        chunks,
        timescale=60000,
        creation_time=0,
        udta=None,
        before=len(head),
        media_header=len(media_header),
    )
    with path.open("wb") as file:
        file.write(head + moov + media_header)
        file.truncate(len(head) + len(moov) + len(media_header) + media)


def measure() -> dict[str, float]:
    """The best of several processes: seconds from start to end, and peak memory in MB."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "hour.mp4"
        write_sparse(path)
        best, numpy, peak = float("inf"), float("inf"), 0.0
        for _ in range(_ROUNDS):
            numpy = min(numpy, _run("import numpy")[0])
            seconds, output = _run(_READ, str(path))
            best = min(best, seconds)
            result = json.loads(output)
            assert result["samples"] == [_SECONDS * 60, _SECONDS * 48000 // 1024, _SECONDS]
            peak = max(peak, result["mb"])
    return {
        "index.hour_s": round(best, 3),
        "index.hour_mb": round(peak, 1),
        "index.numpy_import_s": round(numpy, 3),
    }


def _run(code: str, *args: str) -> tuple[float, str]:
    """Seconds from the start to the end of a Python process, and its output."""
    start = time.perf_counter()
    done = subprocess.run(
        (sys.executable, "-c", code, *args), check=True, capture_output=True, text=True, env=environment()
    )
    return time.perf_counter() - start, done.stdout


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
