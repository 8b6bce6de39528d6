"""Published assets with telemetry, without encoding: a manifest, payloads, and a movie with their times."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eddyline import gpmf
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.write.memory_samples import MemorySamples
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.store import Store

ASSET = "0123456789abcdef"
_GMHD = make_box("gmhd", make_full_box("gmin", 0, 0, bytes(12)))


def recording(seconds: int) -> list[bytes]:
    """One payload for each second: an accelerometer with 200 samples, a GPS with 18, exposure times."""
    random = np.random.default_rng(5)
    return [_payload(second, random) for second in range(seconds)]


def _payload(second: int, random: np.random.Generator) -> bytes:
    accl = random.integers(-9000, 9000, (200, 3))
    at = second + np.arange(18) / 18
    gps = np.stack(
        [
            np.round((46.3 + np.sin(at / 20) / 100) * 1e7),
            np.round((13.5 + at / 10_000) * 1e7),
            np.round((400 + at) * 1000),
            np.round((5 + np.cos(at)) * 1000),
            np.round((5 + np.cos(at)) * 100),
        ],
        axis=1,
    ).astype(np.int64)
    fix = 0 if second == 3 else 3
    dop = 900 if second == 5 else 141
    streams = [
        gpmf.stream("ACCL", "s", accl, name="Accelerometer", units=["m/s²"], scale=[418]),
        gpmf.stream(
            "GPS5",
            "l",
            gps,
            name="GPS",
            units=["deg", "deg", "m", "m/s", "m/s"],
            scale=[10**7, 10**7, 1000, 1000, 100],
            modifiers=[
                gpmf.leaf("GPSF", "L", fix),
                gpmf.leaf("GPSU", "U", f"2601031200{second % 60:02d}.000"),
                gpmf.leaf("GPSP", "S", dop),
            ],
        ),
        gpmf.stream("SHUT", "f", random.random(30), name="Exposure time", units=["s"]),
    ]
    return gpmf.serialize([gpmf.device(1, "HERO7 Black", streams)])


def publish(
    store: Store, scratch: Path, payloads: Sequence[bytes], *, asset: str = ASSET, frames: int = 0
) -> Path:
    """Store an asset with these payloads, each of 1001 ms; returns its movie, a file in `scratch`."""
    movie, copy = scratch / "movie.mp4", scratch / "copy.mp4"
    write_movie(movie, payloads, frames)
    copy.write_bytes(movie.read_bytes())
    store.put_bytes(f"assets/{asset}/telemetry/payloads.gpmf", b"".join(payloads))
    store.put(f"assets/{asset}/renditions/720p.mp4", copy)
    manifest = {
        "version": 3,
        "asset": asset,
        "telemetry": {"payloads": "telemetry/payloads.gpmf"},
        "renditions": [{"name": "720p", "path": "renditions/720p.mp4", "bytes": movie.stat().st_size}],
    }
    store.put_bytes(f"assets/{asset}/manifest.json", json.dumps(manifest).encode())
    return movie


def write_movie(path: Path, payloads: Sequence[bytes], frames: int = 0) -> None:
    """Write a movie with a gpmd track, and one of `frames` samples of one byte at 60 Hz."""
    telemetry = _track("gpmd", b"".join(payloads), [len(each) for each in payloads], timescale=1000)
    video = [_track("abcd", bytes(frames), [1] * frames, timescale=60_000)] if frames else []
    write_mp4(path, [telemetry, *video], timescale=1000, durable=False)


def _track(kind: str, data: bytes, sizes: Sequence[int], *, timescale: int) -> OutputTrack:
    size = np.array(sizes, np.int64)
    return OutputTrack(
        handler="meta",
        name=kind,
        timescale=timescale,
        stsd=make_full_box("stsd", 0, 0, b"\0\0\0\1", make_box(kind, bytes(6), b"\0\1", bytes(4))),
        media_header=_GMHD,
        pieces=(Piece(source=MemorySamples(data), offset=np.cumsum(size) - size, size=size),),
        duration=np.full(len(size), 1001, np.int64),
    )
