"""Slices decode to exactly the frames asked for, whatever the source's structure."""

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

_FILMS = (
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


@pytest.mark.parametrize(("name", "step"), _FILMS)
def test_all_slices_together_decode_to_what_the_whole_decodes_to(
    name: str, step: int, make_film: Make, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    film = opened(make_film(name))
    whole = frames(film.path)
    shown = build_presentation(film.movie, film.video)
    assert len(shown) == len(whole)
    pts = np.array([at for at, _ in whole])
    assert np.array_equal(np.diff(pts), np.diff(shown.pts))

    decoded: list[str] = []
    for first in range(0, len(shown), step):
        last = min(first + step, len(shown))
        part = write_slice(
            film.source, film.movie, film.video, first, last, tmp_path / f"{first}.mp4", shown=shown
        )
        assert part.frames == last - first
        got = frames(part.path, trim=(part.start_pts, part.end_pts))
        assert len(got) == part.frames
        decoded += [picture for _, picture in got]
    assert decoded == [picture for _, picture in whole]


def test_a_slice_of_a_leading_picture_begins_one_gop_earlier(
    make_film: Make, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    film = opened(make_film("open_gop_h264"))
    shown, samples = build_presentation(film.movie, film.video), film.video.samples
    second = int(np.flatnonzero(samples.sync)[1])
    leading = [
        at
        for at, number in enumerate(shown.sample)
        if number > second and samples.pts[number] < samples.pts[second]
    ]
    part = write_slice(film.source, film.movie, film.video, leading[0], leading[0] + 1, tmp_path / "one.mp4")
    assert part.samples > second
    whole = frames(film.path)
    assert [picture for _, picture in frames(part.path, trim=(part.start_pts, part.end_pts))] == [
        whole[leading[0]][1]
    ]


def test_a_slice_reads_only_what_its_frames_need(make_film: Make, opened: Open, tmp_path: Path) -> None:
    film = opened(make_film("closed_gop"))
    part = write_slice(film.source, film.movie, film.video, 24, 36, tmp_path / "part.mp4")
    assert part.samples < 20
    assert part.bytes_read < film.source.size / 2


def test_a_slice_is_a_plain_file_with_one_track_the_sources_timescale_and_no_edits(
    make_film: Make, opened: Open, tmp_path: Path
) -> None:
    film = opened(make_film("mov"))
    part = write_slice(film.source, film.movie, film.video, 20, 30, tmp_path / "part.mp4")
    again = opened(part.path).movie
    (track,) = again.tracks
    assert (track.timescale, track.edits, track.kind) == (film.video.timescale, (), "video")
    assert int((track.samples.pts - track.samples.dts).min()) >= 0
    inside = (track.samples.pts >= part.start_pts) & (track.samples.pts < part.end_pts)
    assert int(inside.sum()) == part.frames == 10


def test_real_footage_cut_into_slices_decodes_to_the_same_pictures(
    samples: Path, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    film = opened(samples / "max-heromode.mp4")
    whole = [picture for _, picture in frames(film.path)]
    decoded: list[str] = []
    for first in range(0, 315, 120):
        last = min(first + 120, 315)
        part = write_slice(film.source, film.movie, film.video, first, last, tmp_path / f"{first}.mp4")
        decoded += [picture for _, picture in frames(part.path, trim=(part.start_pts, part.end_pts))]
    assert decoded == whole


@pytest.mark.parametrize(("first", "last"), [(0, 0), (5, 4), (-1, 3), (0, 51)])
def test_a_range_outside_the_track_is_refused(
    first: int, last: int, make_film: Make, opened: Open, tmp_path: Path
) -> None:
    film = opened(make_film("closed_gop"))
    with pytest.raises(UsageError, match="of a track that shows 50"):
        write_slice(film.source, film.movie, film.video, first, last, tmp_path / "none.mp4")


def test_frames_that_an_edit_hides_between_the_wanted_ones_are_told_not_guessed(
    make_film: Make, opened: Open, tmp_path: Path, edited: Edited
) -> None:
    film = opened(edited(make_film("closed_gop"), [(2002, 10010), (30030, 10010)]))
    assert len(build_presentation(film.movie, film.video)) == 20
    assert write_slice(film.source, film.movie, film.video, 0, 10, tmp_path / "a.mp4").frames == 10
    assert write_slice(film.source, film.movie, film.video, 10, 20, tmp_path / "b.mp4").frames == 10
    with pytest.raises(UnsupportedError, match="edit hides frames"):
        write_slice(film.source, film.movie, film.video, 5, 15, tmp_path / "c.mp4")


def test_whole_tracks_are_copied_with_their_edits_and_their_bytes(
    make_film: Make, opened: Open, tmp_path: Path
) -> None:
    film = opened(make_film("closed_gop"))
    (sound,) = film.movie.tracks_of_kind("audio")
    copy_tracks(film.source, film.movie, [sound], tmp_path / "sound.mp4")
    copied = opened(tmp_path / "sound.mp4")
    (again,) = copied.movie.tracks
    assert again.edits == sound.edits
    assert again.edits[0].media_time == 1024, "the encoder's priming"
    assert list(iter_samples(copied.source, again)) == list(iter_samples(film.source, sound))


def test_a_copied_sound_track_decodes_to_the_same_samples(
    make_film: Make, opened: Open, tmp_path: Path, run_ffmpeg: Callable[..., str]
) -> None:
    film = opened(make_film("closed_gop"))
    copy_tracks(film.source, film.movie, film.movie.tracks_of_kind("audio"), tmp_path / "sound.mp4")
    sums = [
        run_ffmpeg("-i", str(path), "-map", "0:a", "-f", "md5", "-")
        for path in (film.path, tmp_path / "sound.mp4")
    ]
    assert sums[0] == sums[1]


def test_uncompressed_sound_is_copied_in_blocks_not_frame_by_frame(
    tmp_path: Path, opened: Open, run_ffmpeg: Callable[..., str]
) -> None:
    source = tmp_path / "pcm.mov"
    run_ffmpeg("-f", "lavfi", "-i", "sine=997:r=48000:d=2", "-ac", "2", "-c:a", "pcm_s24le", str(source))
    film = opened(source)
    (sound,) = film.movie.tracks
    assert len(sound.samples) < 200
    assert opened(source).movie.brand == "qt  "
    assert int(sound.samples.duration.sum()) == 96_000
    copy_tracks(film.source, film.movie, [sound], tmp_path / "copy.mov")
    sums = [run_ffmpeg("-i", str(path), "-f", "md5", "-") for path in (source, tmp_path / "copy.mov")]
    assert sums[0] == sums[1]


def test_telemetry_of_a_whole_file_comes_with_few_requests(samples: Path) -> None:
    with FileRanges(samples / "karma.mp4") as source:
        counted = CountingRanges(source)
        track = read_movie(counted).first_track("telemetry")
        assert track is not None
        indexed = counted.requests
        assert sum(map(len, iter_samples(counted, track))) == 96_440
        assert counted.requests - indexed <= 13
