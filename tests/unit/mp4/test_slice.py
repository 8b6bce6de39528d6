"""Slices decode to exactly the requested frames, for any structure of the source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.unit.mp4.movies import Edited, Frames, Make, Open

from eddyline.core.errors import UnsupportedError, UsageError
from eddyline.mp4.byte_ranges import CountingRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import copy_tracks, iter_samples, write_slice
from eddyline.store.ranges import FileRanges

_CLIPS = (
    ("open_gop_h264", 11),
    ("open_gop_hevc", 11),
    ("closed_gop", 17),
    ("vfr", 9),
    ("mov", 13),
    ("fragmented", 19),
    ("fragmented_from_moof", 19),
    ("one_frame", 1),
    ("all_intra", 5),
    ("mjpeg", 7),
    ("negative_offsets", 16),
    ("delayed", 14),
    ("intra_refresh", 15),
    ("ten_bit", 7),
    ("no_recovery_message", 13),
    ("interlaced", 7),
    ("rewrapped", 13),
    ("trimmed_copy", 7),
    ("trimmed_copy_hevc", 7),
    ("bare_cut", 9),
    ("bare_cut_hevc", 9),
    ("shifted", 13),
)


@pytest.mark.parametrize(("name", "step"), _CLIPS)
def test_all_slices_together_decode_to_the_frames_of_the_source(
    name: str, step: int, make_clip: Make, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    clip = opened(make_clip(name))
    expected = frames(clip.path)
    shown = build_presentation(clip.movie, clip.video)
    assert len(shown) == len(expected)
    pts = np.array([time for time, _ in expected])
    assert np.array_equal(np.diff(pts), np.diff(shown.pts))

    decoded: list[str] = []
    for start in range(0, len(shown), step):
        stop = min(start + step, len(shown))
        part = write_slice(
            clip.source, clip.movie, clip.video, start, stop, tmp_path / f"{start}.mp4", shown=shown
        )
        assert part.frames == stop - start
        slice_frames = frames(part.path, trim=(part.start_pts, part.end_pts))
        assert len(slice_frames) == part.frames
        decoded += [frame for _, frame in slice_frames]
    assert decoded == [frame for _, frame in expected]


def test_a_slice_of_a_leading_frame_starts_one_gop_earlier(
    make_clip: Make, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    clip = opened(make_clip("open_gop_h264"))
    shown, samples = build_presentation(clip.movie, clip.video), clip.video.samples
    second = int(np.flatnonzero(samples.sync)[1])
    leading = [
        at
        for at, number in enumerate(shown.sample)
        if number > second and samples.pts[number] < samples.pts[second]
    ]
    part = write_slice(clip.source, clip.movie, clip.video, leading[0], leading[0] + 1, tmp_path / "one.mp4")
    assert part.samples > second
    source_frames = frames(clip.path)
    assert [frame for _, frame in frames(part.path, trim=(part.start_pts, part.end_pts))] == [
        source_frames[leading[0]][1]
    ]


def test_a_slice_reads_only_the_samples_it_needs(make_clip: Make, opened: Open, tmp_path: Path) -> None:
    clip = opened(make_clip("closed_gop"))
    part = write_slice(clip.source, clip.movie, clip.video, 24, 36, tmp_path / "part.mp4")
    assert part.samples < 20
    assert part.bytes_read < clip.source.size / 2


def test_a_slice_is_a_plain_file_with_one_track_the_sources_timescale_and_no_edits(
    make_clip: Make, opened: Open, tmp_path: Path
) -> None:
    clip = opened(make_clip("mov"))
    part = write_slice(clip.source, clip.movie, clip.video, 20, 30, tmp_path / "part.mp4")
    again = opened(part.path).movie
    (track,) = again.tracks
    assert (track.timescale, track.edits, track.kind) == (clip.video.timescale, (), "video")
    assert int((track.samples.pts - track.samples.dts).min()) >= 0
    inside = (track.samples.pts >= part.start_pts) & (track.samples.pts < part.end_pts)
    assert int(inside.sum()) == part.frames == 10


def test_slices_of_a_camera_file_decode_to_the_same_frames(
    samples: Path, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    clip = opened(samples / "max-heromode.mp4")
    source_frames = [frame for _, frame in frames(clip.path)]
    decoded: list[str] = []
    for start in range(0, 315, 120):
        stop = min(start + 120, 315)
        part = write_slice(clip.source, clip.movie, clip.video, start, stop, tmp_path / f"{start}.mp4")
        decoded += [frame for _, frame in frames(part.path, trim=(part.start_pts, part.end_pts))]
    assert decoded == source_frames


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (5, 4), (-1, 3), (0, 51)])
def test_a_range_outside_the_track_is_rejected(
    start: int, stop: int, make_clip: Make, opened: Open, tmp_path: Path
) -> None:
    clip = opened(make_clip("closed_gop"))
    with pytest.raises(UsageError, match="are outside of a track of 50 frames"):
        write_slice(clip.source, clip.movie, clip.video, start, stop, tmp_path / "none.mp4")


def test_hidden_frames_between_requested_ones_raise_an_error(
    make_clip: Make, opened: Open, tmp_path: Path, edited: Edited
) -> None:
    clip = opened(edited(make_clip("closed_gop"), [(2002, 10010), (30030, 10010)]))
    assert len(build_presentation(clip.movie, clip.video)) == 20
    assert write_slice(clip.source, clip.movie, clip.video, 0, 10, tmp_path / "a.mp4").frames == 10
    assert write_slice(clip.source, clip.movie, clip.video, 10, 20, tmp_path / "b.mp4").frames == 10
    with pytest.raises(UnsupportedError, match="edit hides frames"):
        write_slice(clip.source, clip.movie, clip.video, 5, 15, tmp_path / "c.mp4")


def test_whole_tracks_are_copied_with_their_edits_and_their_bytes(
    make_clip: Make, opened: Open, tmp_path: Path
) -> None:
    clip = opened(make_clip("closed_gop"))
    (audio,) = clip.movie.tracks_of_kind("audio")
    copy_tracks(clip.source, clip.movie, [audio], tmp_path / "audio.mp4")
    copied = opened(tmp_path / "audio.mp4")
    (again,) = copied.movie.tracks
    assert again.edits == audio.edits
    assert again.edits[0].media_time == 1024, "the encoder's priming"
    assert list(iter_samples(copied.source, again)) == list(iter_samples(clip.source, audio))


def test_a_copied_audio_track_decodes_to_the_same_samples(
    make_clip: Make, opened: Open, tmp_path: Path, run_ffmpeg: Callable[..., str]
) -> None:
    clip = opened(make_clip("closed_gop"))
    copy_tracks(clip.source, clip.movie, clip.movie.tracks_of_kind("audio"), tmp_path / "audio.mp4")
    sums = [
        run_ffmpeg("-i", str(path), "-map", "0:a", "-f", "md5", "-")
        for path in (clip.path, tmp_path / "audio.mp4")
    ]
    assert sums[0] == sums[1]


def test_uncompressed_audio_is_copied_in_blocks(
    tmp_path: Path, opened: Open, run_ffmpeg: Callable[..., str]
) -> None:
    source = tmp_path / "pcm.mov"
    run_ffmpeg("-f", "lavfi", "-i", "sine=997:r=48000:d=2", "-ac", "2", "-c:a", "pcm_s24le", str(source))
    clip = opened(source)
    (audio,) = clip.movie.tracks
    assert len(audio.samples) < 200
    assert opened(source).movie.brand == "qt  "
    assert int(audio.samples.duration.sum()) == 96_000
    copy_tracks(clip.source, clip.movie, [audio], tmp_path / "copy.mov")
    sums = [run_ffmpeg("-i", str(path), "-f", "md5", "-") for path in (source, tmp_path / "copy.mov")]
    assert sums[0] == sums[1]


def test_telemetry_of_a_file_is_read_with_few_requests(samples: Path) -> None:
    with FileRanges(samples / "karma.mp4") as source:
        counting = CountingRanges(source)
        track = read_movie(counting).first_track("telemetry")
        assert track is not None
        indexed = counting.requests
        assert sum(map(len, iter_samples(counting, track))) == 96_440
        assert counting.requests - indexed <= 13
