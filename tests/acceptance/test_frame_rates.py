"""Sources of any frame rate, constant or variable, through the whole program in one run.

Every asset has the frames of its source, at most 60 per second, and its playlists, MPD and renditions the
duration of the source.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eddyline.media.streaming.playlists import read_media_playlist, read_mpd
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges

_ENCODE = ("-c:v", "libx264", "-preset", "ultrafast", "-fps_mode", "passthrough")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A source: frames at `fps`, or at the times (ms) of an FFmpeg expression; `seconds` is its duration.

    Renditions show every `step`-th frame.
    """

    frames: int
    seconds: float
    fps: str = "30"
    times: str = ""
    b_frames: int = 2
    audio_s: float = 0.0
    last_s: float = 0.0
    step: int = 1


SOURCES = {
    "half.mp4": Rate(fps="1/2", frames=6, seconds=12),
    "seven-tenths.mp4": Rate(fps="7/10", frames=9, seconds=9 / 0.7),
    "minute.mp4": Rate(fps="1/60", frames=3, seconds=180, b_frames=0, audio_s=180),
    "one.mp4": Rate(fps="1/60", frames=1, seconds=60),
    "hours.mp4": Rate(times="N*3600000", frames=3, seconds=7200.033),
    "screen.mp4": Rate(times="if(lt(N,20),N*33,60000+N*40)", frames=40, seconds=61.6),
    "bursts.mp4": Rate(times="floor(N/10)*20000+mod(N,10)*2", frames=40, seconds=60.051),
    "fast.mp4": Rate(fps="500", frames=600, seconds=1.2, step=9),
    "thousand.mp4": Rate(fps="1000", frames=1100, seconds=1.1, b_frames=0, step=17),
    "long-last.mp4": Rate(frames=60, seconds=21 + 59 / 30, b_frames=0, audio_s=2, last_s=21),
    "long-last-b0.mp4": Rate(frames=31, seconds=11, b_frames=0, audio_s=11, last_s=10),
}


def _make(ffmpeg: str, out: Path, rate: Rate) -> None:
    argv = [ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=s=160x90:r={rate.fps}"]
    if rate.audio_s:
        argv += ["-f", "lavfi", "-i", f"sine=997:d={rate.audio_s}"]
    if rate.times:
        argv += ["-vf", f"settb=1/1000,setpts='{rate.times}'", "-enc_time_base:v", "1/1000"]
    argv += [*_ENCODE, "-bf", str(rate.b_frames), "-frames:v", str(rate.frames), "-c:a", "aac", str(out)]
    subprocess.run(argv, check=True)
    if rate.last_s:
        _extend_last_frame(out, rate.last_s)


def _extend_last_frame(path: Path, seconds: float) -> None:
    """Extend the last frame, by the edit list and by the last sample's duration."""
    with FileRanges(path) as source:
        movie = read_movie(source)
        tracks = [passthrough(movie, each, source) for each in movie.tracks]
        video = movie.tracks[0]
        shown = build_presentation(movie, video)
        added = int(seconds * video.timescale) - (shown.end - int(shown.pts[-1]))
        duration = video.samples.duration.copy()
        duration[-1] += added
        edit = video.edits[-1]
        edit_duration = edit.duration + added * movie.timescale // video.timescale
        edits = (*video.edits[:-1], type(edit)(media_time=edit.media_time, duration=edit_duration))
        extended = type(tracks[0])(**{**vars(tracks[0]), "duration": duration, "edits": edits})
        write_mp4(path.with_suffix(".new"), [extended, *tracks[1:]], timescale=movie.timescale)
    path.with_suffix(".new").replace(path)


@pytest.mark.slow
def test_every_frame_rate_keeps_its_frames_and_duration(
    ffmpeg: str, ffprobe: str, eddyline: tuple[str, ...], tmp_path: Path
) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    for name, rate in SOURCES.items():
        _make(ffmpeg, sources / name, rate)
    done = subprocess.run(
        [*eddyline, "run", str(sources), "--out", str(tmp_path / "out"), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["failed"] == []
    manifests = [json.loads(path.read_text()) for path in (tmp_path / "out").glob("assets/*/manifest.json")]
    assert len(manifests) == len(SOURCES)
    for manifest in manifests:
        name = manifest["source"]["name"]
        _check(ffprobe, tmp_path / "out" / "assets" / manifest["asset"], manifest, SOURCES[name])


def _check(ffprobe: str, root: Path, manifest: dict[str, Any], rate: Rate) -> None:
    tolerance = 1 / 30 + 0.002  # one frame at 30 frames/s
    name = manifest["source"]["name"]
    assert manifest["source"]["duration_s"] == pytest.approx(rate.seconds, abs=tolerance), name
    duration, _ = read_mpd((root / "stream" / "manifest.mpd").read_text(), name)
    assert float(duration) == pytest.approx(rate.seconds, abs=tolerance), name
    for path in (root / "stream").glob("*/main.m3u8"):
        playlist_s = float(read_media_playlist(path.read_text(), name).duration)
        assert playlist_s == pytest.approx(rate.seconds, abs=max(tolerance, 0.1)), (
            f"{name} {path.parent.name}"
        )
    for each in manifest["renditions"]:
        output = subprocess.run(
            [
                *(ffprobe, "-v", "error", "-select_streams", "v:0", "-count_frames", "-of", "json"),
                *("-show_entries", "stream=nb_read_frames:format=duration", str(root / each["path"])),
            ],
            capture_output=True,
            check=True,
        )
        found = json.loads(output.stdout)
        assert int(found["streams"][0]["nb_read_frames"]) == -(-rate.frames // rate.step), name
        assert float(found["format"]["duration"]) == pytest.approx(rate.seconds, abs=tolerance), name
