"""The frames a track shows are the frames FFmpeg shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.unit.mp4.movies import Edited, Frames, Make, Open

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.presentation import build_presentation

_FIRST = 2002  # media time of the first frame in display order


@pytest.mark.parametrize("timescale", [30000, 600])
@pytest.mark.parametrize(
    ("edits", "count"),
    [
        ([(_FIRST, 20020)], 20),  # ends early
        ([(12500, 30000)], 30),  # begins between two frames
        ([(2500, 10500)], 10),
        ([(_FIRST, 90000)], 50),  # goes on behind the end
        ([(-1, 7777), (_FIRST, 20020)], 20),
        ([(-1, 0), (_FIRST, 20020)], 20),
        ([(_FIRST, 20020), (22022, 20020)], 40),  # two that meet
        ([(_FIRST, 10010), (30030, 10010)], 20),  # two with hidden frames between them
        ([(100_000, 1000)], 0),
    ],
)
def test_the_frames_within_an_edit_list_are_those_ffmpeg_shows(
    edits: list[tuple[int, int]],
    count: int,
    timescale: int,
    make_film: Make,
    opened: Open,
    edited: Edited,
    frames: Frames,
) -> None:
    film = opened(edited(make_film("closed_gop"), edits, timescale=timescale))
    shown = build_presentation(film.movie, film.video)
    assert len(shown) == len(frames(film.path)) == count


def test_an_empty_edit_delays_the_first_frame(
    make_film: Make, opened: Open, edited: Edited, frames: Frames
) -> None:
    film = opened(edited(make_film("closed_gop"), [(-1, 7500), (_FIRST, 20020)]))
    shown = build_presentation(film.movie, film.video)
    assert shown.pts[0] == 7500
    assert shown.end == 7500 + 20020
    assert shown.pts.tolist() == [at for at, _ in frames(film.path)]


def test_a_frame_that_begins_behind_the_edits_start_keeps_its_distance_from_the_sound(
    make_film: Make, opened: Open, edited: Edited
) -> None:
    film = opened(edited(make_film("closed_gop"), [(2500, 20020)]))
    assert build_presentation(film.movie, film.video).pts[0] == _FIRST + 1001 - 2500


@pytest.mark.parametrize(
    "edits",
    [[(_FIRST, 20020), (_FIRST, 20020)], [(22022, 20020), (_FIRST, 20020)], [(_FIRST, 0), (22022, 9)]],
)
def test_edits_that_repeat_or_reorder_media_are_refused(
    edits: list[tuple[int, int]], make_film: Make, opened: Open, edited: Edited
) -> None:
    film = opened(edited(make_film("closed_gop"), edits))
    with pytest.raises(UnsupportedError, match=r"second time or out of order .*export the clip"):
        build_presentation(film.movie, film.video)


def test_frames_in_display_order_name_their_place_in_decode_order(make_film: Make, opened: Open) -> None:
    film = opened(make_film("closed_gop"))
    shown = build_presentation(film.movie, film.video)
    assert sorted(shown.sample.tolist()) == list(range(50))
    assert np.all(np.diff(shown.pts) == 1001)
    assert shown.sample[:4].tolist() != [0, 1, 2, 3], "there are B-frames"


def test_leading_pictures_of_a_stream_cut_open_are_not_shown(
    make_film: Make, opened: Open, frames: Frames
) -> None:
    film = opened(make_film("bare_cut_hevc"))
    assert len(film.video.samples) - len(frames(film.path)) == len(film.video.undecodable) > 0


def test_real_footage_shows_as_many_frames_as_its_table_has(samples: Path, opened: Open) -> None:
    film = opened(samples / "max-heromode.mp4")
    shown = build_presentation(film.movie, film.video)
    assert (len(shown), shown.end) == (315, 945_945)
