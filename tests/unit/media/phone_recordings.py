"""Writes MOV files with Apple's metadata keys in moov/meta, like phones."""

from __future__ import annotations

import subprocess
from pathlib import Path

from eddyline.mp4.boxes import make_box


def write_phone_recording(tmp_path: Path, ffmpeg: str) -> Path:
    """Writes a MOV with Apple's keys in moov/meta; returns its path."""
    keys = {"creationdate": "2024-05-06T09:08:09+0200", "location.ISO6709": "+47.3769+008.5417+400/"}
    keys |= {"make": "Apple", "model": "iPhone 15"}
    plain = tmp_path / "plain.mov"
    video = (
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=64x36:r=25:d=1",
        "-c:v",
        "libx264",
        "-movflags",
        "use_metadata_tags",
    )
    tags = [
        argument
        for key, value in keys.items()
        for argument in ("-metadata", f"com.apple.quicktime.{key}={value}")
    ]
    subprocess.run([ffmpeg, "-v", "error", "-y", *video, *tags, plain], check=True)
    data = plain.read_bytes()
    # FFmpeg writes moov/udta/meta at the end of the file; phones write moov/meta.
    moov, udta = data.rindex(b"moov") - 4, data.rindex(b"udta") - 4
    meta = data.rindex(b"meta") - 4
    length = int.from_bytes(data[meta : meta + 4], "big")
    inner = data[moov + 8 : udta] + data[meta : meta + length]
    out = tmp_path / "phone.mov"
    out.write_bytes(data[:moov] + make_box("moov", inner))
    return out
