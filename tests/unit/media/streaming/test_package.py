from __future__ import annotations

import hashlib
import subprocess
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eddyline.core.errors import ProofError, TransientError, UsageError
from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.chunks import Grid, frame_grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.streaming import package as packaging
from eddyline.media.streaming.elementary_streams import (
    ElementaryStream,
    VariantFrames,
    write_elementary_streams,
)
from eddyline.media.streaming.package import PackagedStream, package
from eddyline.media.streaming.playlists import read_master_playlist, read_media_playlist, read_mpd
from eddyline.media.streaming.segment_duration import choose_segment_duration
from eddyline.media.streaming.stream_verification import verify_stream
from eddyline.media.streaming.timeline import Timeline
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.join import join_chunks, sample_times
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges

RATE = 48_000
TONE = f"sine=f=997:r={RATE}"
NTSC = Fraction(30_000, 1001)


def rung(name: str, codec: str = "h264") -> Rung:
    encoder = {"h264": "libx264", "hevc": "libx265", "av1": "libsvtav1"}[codec]
    return Rung(
        name=name,
        codec=codec,
        encoder=encoder,
        width=64,
        height=36,
        crf=30,
        preset="ultrafast",
        maxrate_kbps=500,
        bufsize_kbps=1000,
        pixel_format="yuv420p",
    )


def rendition(
    ffmpeg: str,
    out: Path,
    *,
    fps: Fraction = NTSC,
    frames: int = 300,
    gop: int = 60,
    audio_inputs: tuple[tuple[str, float, str], ...] = ((TONE, 10.0, "und"),),
    codec: str = "h264",
    retime: str = "",
) -> Path:
    """Writes a file like those of `assemble`: fixed GOP, B-frames, edit lists, AAC with priming."""
    size = "64x64" if codec == "av1" else "64x36"
    argv = [
        ffmpeg,
        "-y",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        f"testsrc2=s={size}:r={fps},trim=end_frame={frames}",
    ]
    for source, _, _ in audio_inputs:
        argv += ["-f", "lavfi", "-i", source]
    encoders = {
        "h264": ["libx264", "-preset", "ultrafast", "-bf", "2", "-g", f"{gop}", "-keyint_min", f"{gop}"],
        "hevc": [
            "libx265",
            "-x265-params",
            f"keyint={gop}:min-keyint={gop}:scenecut=0:open-gop=0:log-level=none",
        ],
        "av1": ["libsvtav1", "-preset", "11", "-g", f"{gop}"],
    }
    argv += [
        "-map",
        "0:v",
        *(argument for n in range(len(audio_inputs)) for argument in ("-map", f"{n + 1}:a")),
    ]
    argv += ["-fps_mode", "passthrough", "-sc_threshold", "0"]
    if retime:
        argv += ["-vf", f"settb=1/1000,setpts={retime}", "-enc_time_base:v", "1/1000"]
    argv += ["-c:v", *encoders[codec], "-pix_fmt", "yuv420p", "-threads", "1", "-c:a", "aac"]
    argv += ["-tag:v", "hvc1"] if codec == "hevc" else []
    for number, (_, seconds, language) in enumerate(audio_inputs):
        argv += [
            f"-metadata:s:a:{number}",
            f"language={language}",
            f"-filter:a:{number}",
            f"atrim=end={seconds}",
        ]
    subprocess.run([*argv, "-fflags", "+bitexact", f"{out}"], check=True, capture_output=True, timeout=120)
    return _retimed(out) if retime else out


def _retimed(path: Path) -> Path:
    """Rewrites the file with the decode times of `assemble`; FFmpeg's muxer omits the last duration."""
    with FileRanges(path) as source:
        movie = read_movie(source)
        track = movie.tracks[0]
        shown = build_presentation(movie, track)
        times = sample_times(
            join_chunks([path]).rank, shown, timescale=track.timescale, movie_timescale=track.timescale
        )
        copy = replace(
            passthrough(movie, track, source),
            duration=times.duration,
            cts_offset=times.cts_offset,
            edits=times.edits,
        )
        write_mp4(path.with_suffix(".tmp"), [copy], timescale=track.timescale)
    path.with_suffix(".tmp").replace(path)
    return path


def make(
    tools: Toolchain,
    out: Path,
    paths: list[Path],
    grid: Grid,
    codecs: tuple[str, ...] = (),
) -> PackagedStream:
    rungs = [rung(f"r{n}", codecs[n] if codecs else "h264") for n in range(len(paths))]
    return package(list(zip(rungs, paths, strict=True)), grid, tools=tools, runner=Runner(), out_dir=out)


def playlist(out: Path, name: str) -> list[float]:
    text = (out / "stream" / name / "main.m3u8").read_text()
    return [float(segment.duration) for segment in read_media_playlist(text, name).segments]


def joined(out: Path, name: str) -> Path:
    folder = out / "stream" / name
    path = out / f"{name}.mp4"
    files = [folder / "init.mp4", *sorted(folder.glob("*.m4s"))]
    path.write_bytes(b"".join(file.read_bytes() for file in files))
    return path


def decoded(ffmpeg: str, path: Path, *what: str) -> bytes:
    argv = [ffmpeg, "-v", "error", "-xerror", "-protocol_whitelist", "file,pipe", "-i", f"{path}", *what, "-"]
    return subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout


def decode_audio(ffmpeg: str, path: Path, track: int = 0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    raw = decoded(ffmpeg, path, "-map", f"0:a:{track}", "-ac", "1", "-f", "f32le")
    return np.frombuffer(raw, dtype="<f4")


def frame_sums(ffmpeg: str, path: Path, stream: int = 0) -> list[str]:
    raw = decoded(ffmpeg, path, "-map", f"0:v:{stream}", "-fps_mode", "passthrough", "-f", "framemd5")
    return [line.rsplit(",", 1)[1] for line in raw.decode().splitlines() if not line.startswith("#")]


def longest_silence(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> int:
    edges = np.flatnonzero(np.diff(np.abs(samples) < 2e-3, prepend=False, append=False))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


def tree(folder: Path) -> dict[str, str]:
    return {
        f"{path.relative_to(folder)}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_hls_and_dash_share_segments_that_play_to_the_last_frame_and_sample(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    paths = [rendition(ffmpeg, tmp_path / f"{n}.mp4") for n in range(2)]
    packaged = make(tools, tmp_path, paths, frame_grid(gop_s=2, segment_s=4, fps=NTSC))
    assert (packaged.hls, packaged.dash, packaged.segments, packaged.on_grid) == (
        "stream/master.m3u8",
        "stream/manifest.mpd",
        3,
        True,
    )
    assert playlist(tmp_path, "r0") == playlist(tmp_path, "r1") == [4.004, 4.004, 2.002]
    expected = frame_sums(ffmpeg, paths[0])
    for variant in range(2):
        assert frame_sums(ffmpeg, tmp_path / packaged.hls, variant) == expected
        assert frame_sums(ffmpeg, joined(tmp_path, f"r{variant}")) == expected
    original = decode_audio(ffmpeg, paths[0])
    for path in (tmp_path / packaged.hls, joined(tmp_path, "audio-1")):
        samples = decode_audio(ffmpeg, path)
        # Segments cannot state the padding of the last AAC frame; nothing else may differ.
        assert 0 <= len(samples) - len(original) < 1024
        assert np.array_equal(samples[: len(original)], original)
        assert longest_silence(samples[:480_000]) < RATE // 1000


def test_packaging_is_reproducible(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    # Several adaptation sets of each kind: with several threads, the packager numbers them in random order.
    audio_inputs = ((TONE, 3.0, "eng"), ("sine=f=440", 3.0, "eng"), ("sine=f=600", 3.0, "und"))
    path = rendition(ffmpeg, tmp_path / "a.mp4", frames=65, audio_inputs=audio_inputs)
    grid = frame_grid(gop_s=2, segment_s=4, fps=NTSC)
    results = [make(tools, tmp_path / f"{n}", [path] * 3, grid) for n in range(4)]
    trees = [tree(tmp_path / f"{n}") for n in range(4)]
    assert results.count(results[0]) == trees.count(trees[0]) == 4
    assert sorted(trees[0]) == sorted(results[0].files)
    text = "".join((tmp_path / "0" / name).read_text() for name in (results[0].hls, results[0].dash))
    assert "shaka" not in text
    assert f"{tmp_path}" not in text


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "50", "60000/1001", "120"])
def test_every_rate_is_cut_on_the_frame_grid_for_a_minute(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, rate: str
) -> None:
    fps = Fraction(rate)
    grid = frame_grid(gop_s=2, segment_s=4, fps=fps)
    frames = grid.segment * 5 + grid.gop + 1
    path = rendition(ffmpeg, tmp_path / "a.mp4", fps=fps, frames=frames, gop=grid.gop, audio_inputs=())
    packaged = make(tools, tmp_path, [path], grid)
    assert (packaged.segments, packaged.on_grid) == (6, True)
    expected = [float(grid.segment_s)] * 5 + [float((grid.gop + 1) / fps)]
    assert playlist(tmp_path, "r0") == pytest.approx(expected, abs=2e-6)
    assert sum(playlist(tmp_path, "r0")) == pytest.approx(float(frames / fps), abs=1e-5)


def test_every_keyframe_is_in_the_iframe_playlist(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    path = rendition(ffmpeg, tmp_path / "a.mp4", audio_inputs=())
    make(tools, tmp_path, [path], frame_grid(gop_s=2, segment_s=4, fps=NTSC))
    text = (tmp_path / "stream/r0/iframes.m3u8").read_text()
    parts = read_media_playlist(text, "iframes").segments
    init = (tmp_path / "stream/r0/init.mp4").read_bytes()
    assert len(parts) == 5
    sums = frame_sums(ffmpeg, path)
    for number, part in enumerate(parts):
        start, stop = part.byte_range or (0, 0)
        keyframe = tmp_path / "alone.mp4"
        keyframe.write_bytes(init + (tmp_path / "stream/r0" / part.uri).read_bytes()[start:stop])
        raw = subprocess.run(
            [ffmpeg, "-v", "quiet", "-i", f"{keyframe}", "-frames:v", "1", "-f", "framemd5", "-"],
            check=True,
            capture_output=True,
            timeout=20,
        ).stdout.decode()
        assert raw.splitlines()[-1].rsplit(",", 1)[1] == sums[number * 60]


@pytest.mark.parametrize("frames", [1, 2, 61])
def test_a_clip_shorter_than_a_segment_is_one_segment(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, frames: int
) -> None:
    path = rendition(ffmpeg, tmp_path / "a.mp4", frames=frames, audio_inputs=())
    packaged = make(tools, tmp_path, [path], frame_grid(gop_s=2, segment_s=4, fps=NTSC))
    assert packaged.segments == 1
    assert playlist(tmp_path, "r0") == pytest.approx([float(frames / NTSC)], abs=1e-6)
    assert not (tmp_path / "stream/audio-1").exists()


def test_a_variable_rate_is_cut_by_time_at_keyframes(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    # 30 fps for 150 frames, then 10 fps, with some jitter.
    retime = "if(lt(N\\,150)\\,N*33+mod(N*7\\,5)\\,4950+(N-150)*100+mod(N*7\\,11))"
    paths = [
        rendition(
            ffmpeg,
            tmp_path / f"{n}.mp4",
            fps=Fraction(30),
            frames=300,
            gop=30,
            audio_inputs=(),
            retime=retime,
        )
        for n in range(2)
    ]
    packaged = make(tools, tmp_path, paths, Grid(gop=30, segment=60, fps=Fraction(30)))
    assert not packaged.on_grid
    assert playlist(tmp_path, "r0") == playlist(tmp_path, "r1")
    # The last frame starts at 19.86 s at the latest and lasts 0.1 s.
    assert sum(playlist(tmp_path, "r0")) == pytest.approx(19.9, abs=0.11)
    assert frame_sums(ffmpeg, joined(tmp_path, "r0")) == frame_sums(ffmpeg, paths[0])


def test_audio_longer_than_the_video_is_complete(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    path = rendition(ffmpeg, tmp_path / "a.mp4", frames=60, audio_inputs=((TONE, 9.5, "eng"),))
    packaged = make(tools, tmp_path, [path], frame_grid(gop_s=2, segment_s=4, fps=NTSC))
    assert sum(playlist(tmp_path, "r0")) == pytest.approx(2.002)
    assert sum(playlist(tmp_path, "audio-1")) == pytest.approx(9.5, abs=0.03)
    length, _ = read_mpd((tmp_path / packaged.dash).read_text(), "mpd")
    assert float(length) == pytest.approx(9.5, abs=0.03)


def test_audio_tracks_of_one_language_are_separate_and_the_first_is_the_default(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    audio_inputs = (
        (TONE, 5.0, "eng"),
        ("sine=f=440", 5.0, "eng"),
        ("sine=f=600", 5.0, "fra"),
        ("sine=f=700", 5.0, "qqq"),
    )
    path = rendition(ffmpeg, tmp_path / "a.mp4", frames=150, audio_inputs=audio_inputs)
    packaged = make(tools, tmp_path, [path], frame_grid(gop_s=2, segment_s=4, fps=NTSC))
    master = read_master_playlist((tmp_path / packaged.hls).read_text(), "master")
    listed = [(media["LANGUAGE"], media["DEFAULT"], media["NAME"]) for media in master.audio.values()]
    assert listed == [
        ("en", "YES", "Audio 1 (eng)"),
        ("en", "NO", "Audio 2 (eng)"),
        ("fr", "NO", "Audio 3 (fra)"),
        ("qqq", "NO", "Audio 4 (qqq)"),
    ]
    assert (tmp_path / packaged.dash).read_text().count('<AdaptationSet id="') == 5
    for track in range(3):
        spectrum = np.abs(np.fft.rfft(decode_audio(ffmpeg, joined(tmp_path, f"audio-{track + 1}"))))
        rate = RATE if track == 0 else 44_100
        loudest = float(np.argmax(spectrum)) * rate / (2 * (len(spectrum) - 1))
        assert loudest == pytest.approx((997, 440, 600)[track], abs=1)


@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_other_codecs_share_the_grid_with_h264(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, codec: str
) -> None:
    settings: dict[str, Any] = {"frames": 50, "gop": 12, "fps": Fraction(24)}
    other = rendition(ffmpeg, tmp_path / "a.mp4", codec=codec, audio_inputs=(), **settings)
    h264 = rendition(ffmpeg, tmp_path / "b.mp4", audio_inputs=(), **settings)
    grid = Grid(gop=12, segment=24, fps=Fraction(24))
    make(tools, tmp_path, [other, h264], grid, (codec, "h264"))
    assert playlist(tmp_path, "r0") == playlist(tmp_path, "r1") == pytest.approx([1, 1, 1 / 12], abs=1e-6)
    assert frame_sums(ffmpeg, joined(tmp_path, "r0")) == frame_sums(ffmpeg, other)


# B-frames delay the first frame by two frames: decoding then starts at zero, where the packager's own edit
# list would remove the delay.
@pytest.mark.parametrize("late_by", [Fraction(1, 10), 1 / NTSC, 2 / NTSC, 3 / NTSC])
def test_a_start_offset_keeps_video_and_audio_in_sync(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, late_by: Fraction
) -> None:
    plain = rendition(ffmpeg, tmp_path / "a.mp4")
    delayed_path = tmp_path / "late.mp4"
    timescale = 30_000
    with FileRanges(plain) as source:
        movie = read_movie(source)
        video, audio = (passthrough(movie, track, source, timescale=timescale) for track in movie.tracks)
        edits = (Edit(media_time=-1, duration=round(late_by * timescale), rate=Fraction(1)), *video.edits)
        delayed = type(video)(**{**vars(video), "edits": edits})
        write_mp4(delayed_path, [delayed, audio], timescale=timescale)
    # The packager leaves a presentation time offset in the first representation, but not in the second.
    make(tools, tmp_path, [delayed_path, delayed_path], frame_grid(gop_s=2, segment_s=4, fps=NTSC))
    text = (tmp_path / "stream/manifest.mpd").read_text()
    starts = {each.kind: Fraction(each.starts[0], each.timescale) for each in read_mpd(text, "mpd")[1]}
    assert starts == {"video": late_by, "audio": 0}
    assert "presentationTimeOffset" not in text
    assert text.count('segmentAlignment="true"') == 2
    assert playlist(tmp_path, "r0") == [4.004, 4.004, 2.002]
    with FileRanges(joined(tmp_path, "r0")) as source:
        movie = read_movie(source)
        shown = build_presentation(movie, movie.tracks[0])
        assert Fraction(int(shown.pts[0]), movie.tracks[0].timescale) == late_by


@pytest.mark.parametrize("late_by", [Fraction(1, 50), Fraction(1, 5)])
def test_audio_that_starts_late_keeps_its_times(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, late_by: Fraction
) -> None:
    plain = rendition(ffmpeg, tmp_path / "a.mp4", frames=60, audio_inputs=((TONE, 2.0, "und"),))
    with FileRanges(plain) as source:
        movie = read_movie(source)
        video, audio = (passthrough(movie, track, source, timescale=90_000) for track in movie.tracks)
        edits = (Edit(media_time=-1, duration=round(late_by * 90_000), rate=Fraction(1)), *audio.edits)
        late = type(audio)(**{**vars(audio), "edits": edits})
        write_mp4(tmp_path / "late.mp4", [video, late], timescale=90_000)
    make(tools, tmp_path, [tmp_path / "late.mp4"], frame_grid(gop_s=2, segment_s=4, fps=NTSC))
    with FileRanges(joined(tmp_path, "audio-1")) as source:
        movie = read_movie(source)
        shown = build_presentation(movie, movie.tracks[0])
    # The first packet after the priming is at the start, to a tick.
    assert min(abs(int(each) - late_by * RATE) for each in shown.pts) <= 1


def test_real_camera_files_with_telemetry_are_packaged(
    ffmpeg: str, tools: Toolchain, samples: Path, tmp_path: Path
) -> None:
    # The packager rejects the moov of a camera file; here the camera's own file is the rendition.
    with FileRanges(samples / "max-heromode.mp4") as source:
        movie = read_movie(source)
        video = movie.first_track("video")
        assert video is not None
        keys = np.flatnonzero(video.samples.sync)
    gop = int(keys[1] - keys[0])
    packaged = make(tools, tmp_path, [samples / "max-heromode.mp4"], Grid(gop=gop, segment=gop * 4, fps=NTSC))
    assert len(frame_sums(ffmpeg, tmp_path / packaged.hls)) == 315


def test_keyframes_off_the_grid_are_rejected(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    path = rendition(ffmpeg, tmp_path / "a.mp4", gop=50, audio_inputs=())
    with pytest.raises(ProofError, match="does not have its keyframes exactly every"):
        make(tools, tmp_path, [path], frame_grid(gop_s=2, segment_s=4, fps=NTSC))


def test_renditions_with_different_frame_times_are_rejected(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    paths = [rendition(ffmpeg, tmp_path / f"{n}.mp4", frames=n, audio_inputs=()) for n in (70, 71)]
    with pytest.raises(ProofError, match="different frame times"):
        make(tools, tmp_path, paths, frame_grid(gop_s=2, segment_s=4, fps=NTSC))


def _verify(directory: Path, frames: int, grid: Grid) -> None:
    """Verify that all variants have `frames` frames at the grid's constant rate."""
    ticks = np.arange(frames + 1, dtype=np.int64) * grid.fps.denominator
    timeline = Timeline(pts=ticks[:-1], end=int(ticks[-1]), timescale=grid.fps.numerator)
    names = {path.parent.name for path in (directory / "stream").glob("*/iframes.m3u8")}
    verify_stream(directory, {name: VariantFrames(timeline=timeline, grid=grid) for name in names})


def test_a_name_that_leads_out_of_the_directory_is_rejected(tools: Toolchain, tmp_path: Path) -> None:
    grid = frame_grid(gop_s=2, segment_s=4, fps=NTSC)
    for name in ("../up", "a,b", "$x", ".hidden", ""):
        with pytest.raises(UsageError, match="invalid or duplicate rendition name"):
            package([(rung(name), tmp_path / "x")], grid, tools=tools, runner=Runner(), out_dir=tmp_path)


@pytest.mark.parametrize(
    ("file", "before", "after", "problem"),
    [
        ("r0/main.m3u8", "#EXT-X-ENDLIST", "#EXTINF:4.004,\n00004.m4s\n#EXT-X-ENDLIST", "different segments"),
        ("r0/main.m3u8", "4.004000", "4.204000", "lasts 4.004"),
        ("r0/main.m3u8", "TARGETDURATION:4", "TARGETDURATION:3", "target duration"),
        ("r0/main.m3u8", "#EXTINF:4.004000", "#EXTINF:1e99999999999", "is not a number"),
        ("r0/main.m3u8", "#EXT-X-ENDLIST", "", "no EXT-X-ENDLIST"),
        ("r0/main.m3u8", "00002.m4s", "../x.m4s", "different segments"),
        ("r0/iframes.m3u8", "BYTERANGE:", "BYTERANGE:9", "exceeds its segment"),
        ("manifest.mpd", "PT10.01S", "PT14.01S", "the duration is 14.01"),
        ("manifest.mpd", 'r="1"', 'r="2"', "different segments"),
        ("master.m3u8", "r0/main.m3u8", "r9/main.m3u8", "other variants"),
    ],
)
def test_a_wrong_playlist_is_detected(
    stream: Path, tmp_path: Path, file: str, before: str, after: str, problem: str
) -> None:
    copy = _copy(stream, tmp_path)
    path = copy / "stream" / file
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    with pytest.raises(ProofError, match=problem):
        _verify(copy, 300, frame_grid(gop_s=2, segment_s=4, fps=NTSC))


def test_swapped_and_lost_segments_are_detected(stream: Path, tmp_path: Path) -> None:
    grid = frame_grid(gop_s=2, segment_s=4, fps=NTSC)
    copy = _copy(stream, tmp_path)
    _verify(copy, 300, grid)
    with pytest.raises(ProofError, match="300 frames, not 301"):
        _verify(copy, 301, grid)
    with pytest.raises(ProofError, match="the segments are not on the frame grid"):
        _verify(copy, 300, Grid(gop=60, segment=60, fps=NTSC))
    one, two = (copy / "stream/r0" / name for name in ("00001.m4s", "00002.m4s"))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    with pytest.raises(ProofError):
        _verify(copy, 300, grid)
    one.write_bytes(first)
    two.write_bytes(second[:-100])
    with pytest.raises(ProofError):
        _verify(copy, 300, grid)
    two.unlink()
    with pytest.raises(ProofError, match="missing"):
        _verify(copy, 300, grid)


def test_the_command_has_no_absolute_paths_but_the_packager(tools: Toolchain) -> None:
    segmenting = choose_segment_duration(
        np.arange(5) * 60_060, gops=2, timescale=30_000, segment_s=Fraction(4004, 1000)
    )
    each = ElementaryStream(name="r0", path="v0.mp4", kind="video")
    argv = packaging.packager_command(
        [each], segmenting, frame_grid(gop_s=2, segment_s=4, fps=NTSC), tools, work="../w"
    )
    assert not [argument for argument in argv[1:] if "=/" in argument]
    assert "--use_fake_clock_for_muxer" in argv


@pytest.fixture(scope="module")
def stream(ffmpeg: str, tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stream")
    make(tools, out, [rendition(ffmpeg, out / "a.mp4")], frame_grid(gop_s=2, segment_s=4, fps=NTSC))
    return out


def _copy(stream: Path, target: Path) -> Path:
    import shutil

    shutil.copytree(stream / "stream", target / "stream")
    return target


def test_a_full_disk_is_a_transient_error(tools: Toolchain, ffmpeg: str, tmp_path: Path) -> None:
    path = rendition(ffmpeg, tmp_path / "a.mp4")
    full = tmp_path / "full"
    full.mkdir()
    size = path.stat().st_size * 2 + 16_384  # enough for the inputs and half of the segments
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size // 4096 * 4096}", "tmpfs", f"{full}"],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system is not permitted")
    try:
        with pytest.raises(TransientError, match="the packager cannot write its files") as caught:
            make(tools, full, [path], frame_grid(gop_s=2.0, segment_s=4.0, fps=NTSC))
        assert "free at least" in caught.value.remedy
    finally:
        subprocess.run(["umount", f"{full}"], check=True)


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_ffmpeg_reads_stream_and_trick_play_without_messages(
    codec: str, tmp_path: Path, ffmpeg: str, tools: Toolchain
) -> None:
    path = rendition(ffmpeg, tmp_path / "a.mp4", frames=200, codec=codec)
    packaged = make(tools, tmp_path, [path], frame_grid(gop_s=2.0, segment_s=4.0, fps=NTSC), (codec,))
    stream = tmp_path / "stream"
    argv = [ffmpeg, "-v", "warning", "-i", f"{tmp_path / packaged.hls}", "-map", "0:v", "-f", "null", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    assert "NAL" not in done.stderr
    assert "missing" not in done.stderr
    # Each byte range of the I-frame playlist is one keyframe, the same as in the stream.
    sums = frame_sums(ffmpeg, joined(tmp_path, "r0"))
    iframes = read_media_playlist((stream / "r0/iframes.m3u8").read_text(), "iframes")
    init = (stream / "r0" / "init.mp4").read_bytes()
    for number, each in enumerate(iframes.segments):
        start, stop = each.byte_range or (0, 0)
        keyframe = tmp_path / "alone.mp4"
        keyframe.write_bytes(init + (stream / "r0" / each.uri).read_bytes()[start:stop])
        assert frame_sums(ffmpeg, keyframe) == [sums[60 * number]]
    (line,) = (each for each in (tmp_path / packaged.hls).read_text().splitlines() if "I-FRAME" in each)
    sizes = [(each.byte_range or (0, 0))[1] - (each.byte_range or (0, 0))[0] for each in iframes.segments]
    assert f"AVERAGE-BANDWIDTH={ceil(8 * sum(sizes) / iframes.duration)}," in line


def test_separate_keyframe_fragments_add_few_bytes(tmp_path: Path, ffmpeg: str, tools: Toolchain) -> None:
    source = rendition(ffmpeg, tmp_path / "a.mp4", frames=240)
    make(tools, tmp_path, [source], frame_grid(gop_s=2.0, segment_s=4.0, fps=NTSC))
    segments = sorted((tmp_path / "stream" / "r0").glob("*.m4s"))
    assert [path.read_bytes().count(b"moof") for path in segments] == [4, 4]
    moofs = [path.read_bytes().split(b"moof")[1].split(b"mdat")[0] for path in segments]
    assert max(map(len, moofs)) < 150


def test_lost_and_late_audio_packets_are_detected(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    path = rendition(ffmpeg, tmp_path / "a.mp4", frames=60, audio_inputs=((TONE, 2.0, "eng"),))
    grid = frame_grid(gop_s=2, segment_s=4, fps=NTSC)
    (tmp_path / "inputs").mkdir()
    streams, _ = write_elementary_streams([(rung("r0"), path)], grid, tmp_path / "inputs")
    make(tools, tmp_path, [path], grid)
    ((name, audio),) = ((each.name, each.audio) for each in streams if each.audio)
    frames = {each.name: each.frames for each in streams if each.frames}
    verify_stream(tmp_path, frames, {name: audio})
    for packets in (
        replace(audio.packets, pts=audio.packets.pts[:-1]),
        replace(audio.packets, pts=audio.packets.pts + 1),
    ):
        with pytest.raises(ProofError, match="other packets"):
            verify_stream(tmp_path, frames, {name: replace(audio, packets=packets)})
    with pytest.raises(ProofError, match="other audio"):
        verify_stream(tmp_path, frames, {})
