"""Frame-exact cuts: copied frames are byte-identical and decode as in the source."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from eddyline.core.errors import ProofError, UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.media.source.probe import probe
from eddyline.media.toolchain import Toolchain
from eddyline.media.video import cut_verification, cut_video
from eddyline.media.video.smart_cut import CutPlan, plan_exact_cut, plan_keyframe_cut
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.store.ranges import FileRanges

_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-x264-params")
_X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params")
_GOP = "keyint=12:min-keyint=12:scenecut=0:bframes=3"
_VARIED = "select='not(eq(mod(n,7),3))+eq(mod(n,5),2)',setpts='PTS+mod(N,4)*7/30000/TB'"
CLIPS: dict[str, tuple[str, ...]] = {
    "h264": (*_X264, f"open-gop=0:b-adapt=0:{_GOP}"),
    "h264-open": (*_X264, f"open-gop=1:b-adapt=0:{_GOP}"),
    "h264-varied": ("-vf", _VARIED, "-fps_mode", "passthrough", *_X264, f"open-gop=0:{_GOP}"),
    "hevc-open": (*_X265, f"open-gop=1:log-level=none:pools=1:{_GOP}"),
    "hevc-10": ("-pix_fmt", "yuv420p10le", *_X265, f"open-gop=0:log-level=none:pools=1:{_GOP}"),
    "h264-main": ("-profile:v", "main", *_X264, "bframes=0:keyint=10:scenecut=0"),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name, options in CLIPS.items():
        source = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=30000/1001")
        out = str(folder / f"{name}.mp4")
        subprocess.run([ffmpeg, "-v", "error", *source, "-frames:v", "40", *options, out], check=True)
    return folder


def decoded(path: Path, ffmpeg: str) -> list[str]:
    argv = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"]
    output = subprocess.run([*argv, "-f", "framemd5", "-"], check=True, capture_output=True, text=True)
    assert not output.stderr
    return [line.rsplit(",", 1)[-1].strip() for line in output.stdout.splitlines() if line[0] != "#"]


def cut(
    path: Path,
    out: Path,
    start: int,
    stop: int,
    tools: Toolchain,
    *,
    keyframes: bool = False,
    damage: bool = False,
) -> CutPlan:
    runner = Runner()
    with FileRanges(path) as src:
        movie = read_movie(src)
        track = movie.tracks_of_kind("video")[0]
        shown = build_presentation(movie, track)
        source = cut_video.CutSource(src=src, movie=movie, track=track, shown=shown)
        plan = (plan_keyframe_cut if keyframes else plan_exact_cut)(src, track, shown, start, stop)
        facts = None if keyframes else probe(src, movie, runner=runner, tools=tools, work=out.parent).video
        built = cut_video.build_cut_video(
            source, plan, facts, timescale=track.timescale, work=out.parent, tools=tools, runner=runner
        )
        write_mp4(out, [built.out], timescale=track.timescale)
        if damage:
            _damage_copied_frame(out, plan)
        cut_verification.verify_cut(
            out, source, plan, built.shown, work=out.parent, tools=tools, runner=runner
        )
    return plan


def _damage_copied_frame(path: Path, plan: CutPlan) -> None:
    """Change one byte of a copied frame."""
    with FileRanges(path) as src:
        track = read_movie(src).tracks_of_kind("video")[0]
    at = int(track.samples.offset[plan.copy_start - plan.start]) + 20
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize(("start", "stop"), [(5, 30), (12, 25)])
def test_a_cut_shows_exactly_its_frames_and_copies_all_but_the_ends(
    clips: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str, name: str, start: int, stop: int
) -> None:
    source_frames = decoded(clips / f"{name}.mp4", ffmpeg)
    plan = cut(clips / f"{name}.mp4", tmp_path / "cut.mp4", start, stop, tools)
    shown = decoded(tmp_path / "cut.mp4", ffmpeg)
    assert len(shown) == stop - start
    copied_start = max(plan.copy_start, start)
    assert (
        shown[copied_start - start : plan.copy_stop - start] == source_frames[copied_start : plan.copy_stop]
    )
    assert plan.copied > 0
    assert plan.encoded < 16


def test_an_independent_decoder_shows_the_same_frames(
    clips: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    other = Path("/usr/bin/ffmpeg")
    if not other.is_file():
        pytest.skip("no second FFmpeg on this machine")
    for name in ("h264", "hevc-open"):
        out = tmp_path / f"{name}.mp4"
        cut(clips / f"{name}.mp4", out, 5, 30, tools)
        assert decoded(out, str(other)) == decoded(out, ffmpeg)


def test_a_cut_within_one_gop_is_fully_encoded(
    clips: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    plan = cut(clips / "h264.mp4", tmp_path / "cut.mp4", 14, 20, tools)
    assert (plan.copied, plan.encoded) == (0, 6)
    assert len(decoded(tmp_path / "cut.mp4", ffmpeg)) == 6


def test_a_cut_at_keyframes_contains_the_range_and_encodes_nothing(
    clips: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    for name in ("h264", "h264-open", "hevc-open"):
        plan = cut(clips / f"{name}.mp4", tmp_path / "cut.mp4", 15, 30, tools, keyframes=True)
        assert plan.start == 12
        assert 30 <= plan.stop < 34
        assert plan.encoded == 0
        source_frames = decoded(clips / f"{name}.mp4", ffmpeg)
        assert decoded(tmp_path / "cut.mp4", ffmpeg) == source_frames[plan.start : plan.stop]


def test_in_h264_with_open_gops_the_preceding_frames_are_hidden(
    clips: Path, tmp_path: Path, tools: Toolchain, ffmpeg: str
) -> None:
    plan = cut(clips / "h264-open.mp4", tmp_path / "cut.mp4", 15, 25, tools)
    assert plan.hidden == 3
    assert decoded(tmp_path / "cut.mp4", ffmpeg)[0] == decoded(clips / "h264-open.mp4", ffmpeg)[15]


@pytest.mark.parametrize(
    ("name", "start", "copy_start"),
    [("h264-open", 15, 25), ("h264-open", 12, 25), ("hevc-open", 12, 24), ("h264", 12, 12)],
)
def test_a_joinable_cut_starts_with_an_idr_picture_and_hides_no_frame(
    clips: Path, name: str, start: int, copy_start: int
) -> None:
    with FileRanges(clips / f"{name}.mp4") as src:
        movie = read_movie(src)
        track = movie.tracks_of_kind("video")[0]
        shown = build_presentation(movie, track)
        plan = plan_exact_cut(src, track, shown, start, 25, joinable=True)
    # Frames before the next IDR picture (H.264) or random access point (HEVC) are encoded; 25 is the end.
    assert (plan.hidden, plan.copy_start) == (0, copy_start)


def test_a_changed_copied_frame_fails_verification(clips: Path, tmp_path: Path, tools: Toolchain) -> None:
    with pytest.raises(ProofError):
        cut(clips / "h264.mp4", tmp_path / "cut.mp4", 5, 30, tools, damage=True)


def test_other_codecs_are_rejected_between_keyframes(tmp_path: Path, tools: Toolchain, ffmpeg: str) -> None:
    clip = tmp_path / "mpeg4.mp4"
    source = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25", "-frames:v", "30")
    subprocess.run([ffmpeg, "-v", "error", *source, "-c:v", "mpeg4", "-g", "10", str(clip)], check=True)
    with pytest.raises(UnsupportedError, match="--keyframes"):
        cut(clip, tmp_path / "cut.mp4", 5, 25, tools)
