"""Runs Eddyline on sources of the matrix, and compares what it publishes with FFmpeg's plain decode.

FFmpeg decodes the original and the highest rendition of each codec family; no code is shared with Eddyline.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.acceptance.source_matrix import Source

from eddyline.media.rejections import REASONS

CANVAS = 12  # pixels a side: coding noise averages out, a shifted or rotated frame does not
MOST_ERROR = 12.0  # mean difference a pixel, of 255
MOST_TINT = 5.0  # mean difference of one colour over a whole frame
ASPECT_TOLERANCE = 0.05  # sizes are rounded to even numbers of a few dozen pixels

_H264 = """
  - {height: 72, crf: 12, preset: veryfast, maxrate_kbps: 20000, bufsize_kbps: 40000}
"""
_LIMITS = "maxrate_kbps: 20000, bufsize_kbps: 40000"
_REST = "pictures: {thumbs: 2, poster_width: 160, thumb_width: 80}\n"
# By shard, in turn.
PROFILES = {
    "h264": f"""
rungs:{_H264}
  - {{height: 36, crf: 12, preset: veryfast, maxrate_kbps: 10000, bufsize_kbps: 20000}}
{_REST}""",
    "h264, av1": f"""
rungs:{_H264}
  - {{height: 72, codec: av1, crf: 12, preset: 12, {_LIMITS}}}
{_REST}""",
    "h264, hevc, at most 30 frames/s": f"""
rungs:{_H264}
  - {{height: 72, codec: hevc, crf: 12, preset: ultrafast, {_LIMITS}, pixel_format: yuv420p10le}}
hdr: keep
max_fps: 30
{_REST}""",
}


def _canvases(ffmpeg: str, path: Path) -> npt.NDArray[np.int16]:
    """Every frame as FFmpeg decodes and scales it: (frames, CANVAS, CANVAS, 3), RGB."""
    argv = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"]
    # RGB first: FFmpeg averages the chroma of 4:2:0 and of 4:4:4 differently.
    full = "scale=flags=accurate_rnd+full_chroma_int+full_chroma_inp+bicubic,format=gbrp"
    argv += ["-vf", f"{full},scale={CANVAS}:{CANVAS}:flags=area", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    raw = subprocess.run(argv, check=True, capture_output=True, timeout=120).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, CANVAS, CANVAS, 3).astype(np.int16)


def _shown_aspect(ffprobe: str, path: Path) -> float:
    argv = [ffprobe, "-v", "error", "-select_streams", "v:0", "-of", "json", str(path)]
    argv += ["-show_entries", "stream=width,height,sample_aspect_ratio"]
    stream = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["streams"][0]
    sar_width, sar_height = map(int, stream.get("sample_aspect_ratio", "1:1").split(":"))
    return float(
        stream["width"] / stream["height"] * (sar_width / sar_height if sar_width and sar_height else 1.0)
    )


def _errors(source: Source, original: Path, folder: Path, ffmpeg: str, ffprobe: str) -> list[str]:
    """The errors of a published asset that an independent decode finds."""
    manifest = json.loads((folder / "manifest.json").read_text())
    highest = {each["family"]: each for each in reversed(manifest["renditions"])}
    decoded, expected_aspect = _canvases(ffmpeg, original), _shown_aspect(ffprobe, original)
    expected_aspect = 1 / expected_aspect if source.rotation in {90, 270} else expected_aspect
    found = []
    for each in highest.values():
        path, name = folder / each["path"], each["name"]
        step = round(Fraction(manifest["source"]["video"]["fps"]) / Fraction(each["fps"]))
        expected, got = decoded[::step], _canvases(ffmpeg, path)
        if len(expected) != len(got):
            found.append(f"{name}: {len(got)} frames, FFmpeg decodes {len(decoded)}, every {step}th is kept")
        else:
            difference = got - expected
            error = np.abs(difference).mean(axis=(1, 2, 3))
            tint = np.abs(difference.mean(axis=(1, 2))).max(axis=1)
            if error.max() > MOST_ERROR:
                found.append(f"{name}: frame {int(error.argmax())} is off by {error.max():.1f} a pixel")
            if tint.max() > MOST_TINT:
                found.append(f"{name}: frame {int(tint.argmax())} has a tint of {tint.max():.1f}")
        if abs(_shown_aspect(ffprobe, path) / expected_aspect - 1) > ASPECT_TOLERANCE:
            found.append(f"{name}: wrong aspect ratio; the source is shown at {expected_aspect:.3f}")
    audio = {"none": 0, "two tracks": 2}.get(source.audio, 1)
    left_out = [each for each in manifest["left_out"] if each["kind"] == "audio"]  # tracks, or channels
    tracks = {each["track"] for each in manifest["audio"]}  # one with many channels has two renditions
    if not audio - len(left_out) <= len(tracks) <= audio:
        found.append(f"{len(tracks)} audio tracks of {audio}, {len(left_out)} listed as left out")
    samples = manifest["proof"].get("frame_samples", {})
    if set(samples) != {each["name"] for each in manifest["renditions"]}:
        found.append(f"frames were sampled only of {sorted(samples)}")
    return found


def _is_rejection(failed: dict[str, Any]) -> bool:
    at_inspection = not failed["job"] or failed["job"].rpartition(".")[2] == "inspect"
    return at_inspection and failed["refusal"] in REASONS and bool(failed["reason"] and failed["remedy"])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A source was published, with `errors`, or rejected at inspection; `rejection` is the reason."""

    rejection: str
    errors: tuple[str, ...]


def process(
    sources: Mapping[Path, Source],
    profile: str,
    folder: Path,
    *,
    ffmpeg: str,
    ffprobe: str,
    eddyline: tuple[str, ...],
) -> dict[Path, Outcome]:
    """Run all files with a profile, the text of its YAML file, in one run with its output in `folder`."""
    settings, out = folder / "profile.yaml", folder / "out"
    settings.write_text(profile)
    options = ["--out", str(out), "--profile", str(settings), "--slots", "1", "--json"]
    argv = [*eddyline, "run", *map(str, sources), *options]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    folders = {each["name"]: out / "assets" / each["asset"] for each in report["assets"]}
    failures = {each["name"]: each for each in report["failed"]}
    return {
        path: _outcome(path, source, folders.get(path.name), failures.get(path.name), ffmpeg, ffprobe)
        for path, source in sources.items()
    }


def _outcome(
    path: Path, source: Source, folder: Path | None, failed: dict[str, Any] | None, ffmpeg: str, ffprobe: str
) -> Outcome:
    if folder is not None:
        return Outcome(rejection="", errors=tuple(_errors(source, path, folder, ffmpeg, ffprobe)))
    if failed is None:
        return Outcome(rejection="", errors=("neither published nor rejected",))
    if not _is_rejection(failed):
        return Outcome(rejection="", errors=(f"{failed['job']} {failed['refusal']!r}: {failed['reason']}",))
    return Outcome(rejection=failed["refusal"], errors=())
