"""A reel has exactly the frames, audio and telemetry of its segments."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tests.unit.edit.reel.conftest import RATE, MakeRecording

from eddyline import gpmf
from eddyline.core.errors import InputError, Interrupted, UnsupportedError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.edit.reel.reel import Reel, make_reel
from eddyline.edit.reel.search import HighlightRequest
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Movie
from eddyline.mp4.presentation import build_presentation
from eddyline.store.ranges import FileRanges

REQUEST = HighlightRequest(duration_s=8.0, max_segment_s=3.0)
WIDTH, HEIGHT = 160, 90


@pytest.fixture(scope="module")
def reel(recording: Path, tmp_path_factory: pytest.TempPathFactory, tools: Toolchain) -> Reel:
    return make_reel([recording], tmp_path_factory.mktemp("reel") / "reel.mp4", REQUEST, tools=tools)


def index(path: Path) -> Movie:
    with FileRanges(path) as source:
        return read_movie(source)


def frames(path: Path, ffmpeg: str) -> npt.NDArray[np.float32]:
    """All frames in grey, float32[n, height, width]."""
    argv = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"]
    done = subprocess.run([*argv, "-pix_fmt", "gray", "-f", "rawvideo", "-"], check=True, capture_output=True)
    assert not done.stderr
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, HEIGHT, WIDTH).astype(np.float32)


def audio(path: Path, ffmpeg: str) -> npt.NDArray[np.float32]:
    """The left channel of the first audio track."""
    argv = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", "f32le", "-ac", "1", "-af"]
    done = subprocess.run([*argv, "pan=mono|c0=c0", "-"], check=True, capture_output=True)
    return np.frombuffer(done.stdout, "<f4")


def require_frames_of(reel: Reel, sources: list[Path], ffmpeg: str) -> None:
    """Each frame of the reel is its own frame of the source, not a neighbour."""
    found, at = frames(reel.path, ffmpeg), 0
    decoded = [frames(each, ffmpeg) for each in sources]
    for cut in reel.highlights.cuts:
        original = decoded[cut.segment.source]
        for frame in range(cut.start, cut.stop):
            near = range(max(frame - 2, 0), min(frame + 3, len(original)))
            errors = {each: float(np.abs(found[at] - original[each]).mean()) for each in near}
            assert min(errors, key=lambda each: errors[each]) == frame
            assert errors[frame] < 3
            at += 1
    assert at == len(found) == reel.frames


def test_a_reel_has_the_frames_of_its_segments(reel: Reel, recording: Path, ffmpeg: str) -> None:
    cuts = reel.highlights.cuts
    assert [cut.segment.kind for cut in cuts] == ["airtime", "spin", "impact"]
    assert [event.kind for cut in cuts for event in cut.segment.events] == ["airtime", "spin", "impact"]
    assert reel.highlights.length_s == pytest.approx(8.0, abs=0.1)
    require_frames_of(reel, [recording], ffmpeg)
    movie = index(reel.path)
    shown = build_presentation(movie, movie.tracks_of_kind("video")[0])
    assert np.array_equal(np.diff(shown.pts), np.full(reel.frames - 1, np.diff(shown.pts)[0]))
    assert 0 < reel.encoded < reel.frames


def test_the_audio_of_each_segment_is_at_its_frames(reel: Reel, recording: Path, ffmpeg: str) -> None:
    (track,) = index(reel.path).tracks_of_kind("audio")
    assert len(track.edits) == 1  # the encoder delay
    whole, part = audio(recording, ffmpeg), audio(reel.path, ffmpeg)
    assert len(part) == pytest.approx(reel.highlights.length_s * RATE, abs=1)
    now_s = 0.0
    for cut in reel.highlights.cuts:
        start_s, end_s = reel.highlights.bounds_s(cut)
        size = round((end_s - start_s) * RATE) - 2048
        first, source = round(now_s * RATE) + 1024, round(start_s * RATE) + 1024
        assert np.corrcoef(part[first : first + size], whole[source : source + size])[0, 1] > 0.99
        now_s += end_s - start_s


def test_the_telemetry_is_that_of_the_segments_without_a_gap(reel: Reel, recording: Path) -> None:
    source, made = gpmf.read(recording), gpmf.read(reel.path)
    for label in ("ACCL", "GYRO", "GPS5"):
        old, new = source.streams[label], made.streams[label]
        bounds = [reel.highlights.bounds_s(cut) for cut in reel.highlights.cuts]
        kept = [(old.times >= start - 1e-9) & (old.times < end - 1e-9) for start, end in bounds]
        expected = np.concatenate([old.values[inside] for inside in kept])
        assert np.array_equal(new.values, expected)
        assert (np.diff(new.times) > 0).all()
        assert np.diff(new.times).max() < 3 / old.rate_hz
        totals = [int(node.array().ravel()[0]) for node in new.modifier("TSMP") if node is not None]
        assert totals == sorted(totals)
        assert totals[-1] == len(new)


def test_a_second_run_gives_the_same_bytes(
    reel: Reel, recording: Path, tmp_path: Path, tools: Toolchain
) -> None:
    again = make_reel([recording], tmp_path / "reel.mp4", REQUEST, tools=tools)
    assert again.path.read_bytes() == reel.path.read_bytes()
    assert again.to_json() | {"path": ""} == reel.to_json() | {"path": ""}
    assert list(tmp_path.iterdir()) == [again.path]
    json.dumps(again.to_json(), allow_nan=False)


def test_chapters_are_cut_in_order(
    make_recording: MakeRecording, tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    paths = [
        make_recording(tmp_path / f"GX{number:02}0042.MP4", seed=number, hilights_ms=(10_000,))
        for number in (1, 2)
    ]
    request = HighlightRequest(duration_s=8.0, max_segment_s=2.0)
    reel = make_reel(paths[::-1], tmp_path / "reel.mp4", request, tools=tools)
    assert [each.name for each in reel.highlights.analyses] == [path.name for path in paths]
    assert [cut.segment.source for cut in reel.highlights.cuts] == [0, 0, 1, 1]
    require_frames_of(reel, paths, ffmpeg)
    starts = np.cumsum([0.0, *(b - a for a, b in map(reel.highlights.bounds_s, reel.highlights.cuts))])
    expected = [
        float(start) + 10.0 - reel.highlights.bounds_s(cut)[0]
        for start, cut in zip(starts, reel.highlights.cuts, strict=False)
        if any(event.kind == "hilight" for event in cut.segment.events)
    ]
    found = [each.time_s for each in gpmf.read(reel.path).hilights]
    assert len(found) >= 1
    assert found == pytest.approx(expected, abs=0.002)


def test_recordings_with_different_settings_are_rejected(
    recording: Path, make_recording: MakeRecording, tmp_path: Path, tools: Toolchain
) -> None:
    other = make_recording(tmp_path / "other.mp4", rate="25")
    request = HighlightRequest(duration_s=16.0, max_segment_s=3.0)
    with pytest.raises(InputError, match=r"ride\.mp4 and other\.mp4 .* frame rate") as caught:
        make_reel([recording, other], tmp_path / "reel.mp4", request, tools=tools)
    assert "make a reel of each recording" in caught.value.remedy
    assert list(tmp_path.iterdir()) == [other]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_recordings_with_open_gops_can_be_joined(
    make_recording: MakeRecording, tmp_path: Path, tools: Toolchain, ffmpeg: str, codec: str
) -> None:
    gop = "open-gop=1:keyint=12:min-keyint=12:scenecut=0:bframes=3"
    options = {
        "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-x264-params", f"{gop}:threads=1"),
        "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", f"{gop}:pools=1:log-level=none"),
    }
    source = make_recording(tmp_path / "open.mp4", options=options[codec])
    request = HighlightRequest(duration_s=4.0, max_segment_s=2.0)
    reel = make_reel([source], tmp_path / "reel.mp4", request, tools=tools)
    assert len(reel.trimmed) == 2
    assert all(each.hidden == 0 for each in reel.trimmed)
    require_frames_of(reel, [source], ffmpeg)


def test_one_segment_is_a_reel(recording: Path, tmp_path: Path, tools: Toolchain) -> None:
    request = HighlightRequest(duration_s=2.0, max_segment_s=2.0)
    reel = make_reel([recording], tmp_path / "reel.mp4", request, tools=tools)
    assert reel.frames == 60
    assert list(tmp_path.iterdir()) == [reel.path]


def test_music_replaces_the_audio_and_cuts_are_on_beats(
    recording: Path, music: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    request = HighlightRequest(duration_s=8.0, max_segment_s=3.0, music=music)
    reel = make_reel([recording], tmp_path / "reel.mp4", request, tools=tools)
    ends = np.cumsum([b - a for a, b in map(reel.highlights.bounds_s, reel.highlights.cuts)])
    assert len(ends) == 3
    assert all(cut.on_beat for cut in reel.highlights.cuts)
    assert np.abs((ends - 0.2) * 2 - np.rint((ends - 0.2) * 2)).max() / 2 < 0.03
    assert ends[-1] <= 8.01
    assert reel.highlights.tempo == pytest.approx(120, abs=1)
    require_frames_of(reel, [recording], ffmpeg)
    movie = index(reel.path)
    assert [track.kind for track in movie.tracks] == ["video", "audio", "telemetry"]
    played = audio(reel.path, ffmpeg)
    assert len(played) == pytest.approx(ends[-1] * RATE, abs=2048)
    original = audio(music, ffmpeg)
    half = len(played) // 2
    assert np.corrcoef(played[4096:half], original[4096:half])[0, 1] > 0.95
    levels = [float(np.abs(played[at : at + RATE // 2]).max()) for at in (half, len(played) - RATE // 2)]
    assert levels[1] < levels[0] / 3


def test_a_recording_without_events_is_rejected(plain: Path, tmp_path: Path, tools: Toolchain) -> None:
    with pytest.raises(InputError, match="no highlights"):
        make_reel([plain], tmp_path / "reel.mp4", REQUEST, tools=tools)
    assert not list(tmp_path.iterdir())


def test_video_that_cannot_be_cut_between_keyframes_is_rejected(
    make_recording: MakeRecording, tmp_path: Path, tools: Toolchain
) -> None:
    source = make_recording(tmp_path / "old.mp4", options=("-c:v", "mpeg4", "-g", "30"))
    with pytest.raises(UnsupportedError) as caught:
        make_reel([source], tmp_path / "reel.mp4", REQUEST, tools=tools)
    assert "eddyline run" in caught.value.remedy


def test_a_source_is_not_replaced(recording: Path, music: Path, tools: Toolchain) -> None:
    for path, request in ((recording, REQUEST), (music, HighlightRequest(music=music))):
        with pytest.raises(UsageError, match="replace a source"):
            make_reel([recording], path, request, tools=tools)


def test_a_stopped_run_leaves_no_file(recording: Path, tmp_path: Path, tools: Toolchain) -> None:
    stop = Stop()
    stop.request("test")
    with pytest.raises(Interrupted):
        make_reel([recording], tmp_path / "reel.mp4", REQUEST, tools=tools, runner=Runner(stop=stop))
    assert not list(tmp_path.iterdir())


def test_real_recordings_are_cut_exactly(
    samples: Path, tmp_path: Path, tools: Toolchain, ffprobe: str
) -> None:
    request = HighlightRequest(duration_s=4.0, max_segment_s=2.0)
    for name in ("karma.mp4", "max-heromode.mp4"):
        source = samples / name
        hilights = tmp_path / name
        data = source.read_bytes()
        at = data.find(b"HMMT") + 4
        # The samples have no HiLights: mark 2.5 s and 8 s.
        marks = (2).to_bytes(4, "big") + (2500).to_bytes(4, "big") + (8000).to_bytes(4, "big")
        hilights.write_bytes(data[:at] + marks + data[at + 12 :])
        reel = make_reel([hilights], tmp_path / f"reel-{name}", request, tools=tools)
        assert len(reel.highlights.cuts) == 2
        argv = [ffprobe, "-v", "error", "-show_streams", "-count_frames", "-of", "json", str(reel.path)]
        streams = json.loads(subprocess.run(argv, check=True, capture_output=True).stdout)["streams"]
        assert int(streams[0]["nb_read_frames"]) == reel.frames
        assert [each["codec_tag_string"] for each in streams] == ["avc1", "mp4a", "tmcd", "gpmd"]
        made = gpmf.read(reel.path)
        assert made.camera == gpmf.read(source).camera
        assert Fraction(made.duration_s).limit_denominator(1000) == pytest.approx(4, abs=0.1)
