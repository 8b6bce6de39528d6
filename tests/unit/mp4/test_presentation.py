"""The presented frames of a track are the frames that FFmpeg outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.unit.mp4.movies import Edited, Frames, Make, Open

from eddyline.core.errors import UnsupportedError
from eddyline.mp4.presentation import Presentation, build_presentation

_FIRST = 2002  # media time of the first frame in display order


@pytest.mark.parametrize("timescale", [30000, 600])
@pytest.mark.parametrize(
    ("edits", "count"),
    [
        ([(_FIRST, 20020)], 20),  # ends early
        ([(12500, 30000)], 30),  # starts between two frames
        ([(2500, 10500)], 10),
        ([(_FIRST, 90000)], 50),  # continues after the end
        ([(-1, 7777), (_FIRST, 20020)], 20),
        ([(-1, 0), (_FIRST, 20020)], 20),
        ([(_FIRST, 20020), (22022, 20020)], 40),  # two adjacent edits
        ([(_FIRST, 10010), (30030, 10010)], 20),  # two edits with hidden frames between them
        ([(100_000, 1000)], 0),
    ],
)
def test_the_frames_within_an_edit_list_are_those_ffmpeg_outputs(
    edits: list[tuple[int, int]],
    count: int,
    timescale: int,
    make_clip: Make,
    opened: Open,
    edited: Edited,
    frames: Frames,
) -> None:
    clip = opened(edited(make_clip("closed_gop"), edits, timescale=timescale))
    shown = build_presentation(clip.movie, clip.video)
    assert len(shown) == len(frames(clip.path)) == count


def test_an_empty_edit_delays_the_first_frame(
    make_clip: Make, opened: Open, edited: Edited, frames: Frames
) -> None:
    clip = opened(edited(make_clip("closed_gop"), [(-1, 7500), (_FIRST, 20020)]))
    shown = build_presentation(clip.movie, clip.video)
    assert shown.pts[0] == 7500
    assert shown.end == 7500 + 20020
    assert shown.pts.tolist() == [at for at, _ in frames(clip.path)]


def test_a_frame_that_starts_after_its_edit_stays_synchronised_with_the_audio(
    make_clip: Make, opened: Open, edited: Edited
) -> None:
    clip = opened(edited(make_clip("closed_gop"), [(2500, 20020)]))
    assert build_presentation(clip.movie, clip.video).pts[0] == _FIRST + 1001 - 2500


@pytest.mark.parametrize(
    "edits",
    [[(_FIRST, 20020), (_FIRST, 20020)], [(22022, 20020), (_FIRST, 20020)], [(_FIRST, 0), (22022, 9)]],
)
def test_edits_that_repeat_or_reorder_media_are_rejected(
    edits: list[tuple[int, int]], make_clip: Make, opened: Open, edited: Edited
) -> None:
    clip = opened(edited(make_clip("closed_gop"), edits))
    with pytest.raises(UnsupportedError, match=r"presents media twice or out of order .*export the clip"):
        build_presentation(clip.movie, clip.video)


def test_presented_frames_refer_to_samples_in_decode_order(make_clip: Make, opened: Open) -> None:
    clip = opened(make_clip("closed_gop"))
    shown = build_presentation(clip.movie, clip.video)
    assert sorted(shown.sample.tolist()) == list(range(50))
    assert np.all(np.diff(shown.pts) == 1001)
    assert shown.sample[:4].tolist() != [0, 1, 2, 3], "there are B-frames"


def test_leading_frames_after_a_cut_in_an_open_gop_are_not_presented(
    make_clip: Make, opened: Open, frames: Frames
) -> None:
    clip = opened(make_clip("bare_cut_hevc"))
    assert len(clip.video.samples) - len(frames(clip.path)) == len(clip.video.undecodable) > 0


def test_a_camera_file_presents_all_frames_of_its_table(samples: Path, opened: Open) -> None:
    clip = opened(samples / "max-heromode.mp4")
    shown = build_presentation(clip.movie, clip.video)
    assert (len(shown), shown.end) == (315, 945_945)


def test_thinned_and_separate_fields() -> None:
    shown = Presentation(sample=np.array([0, 2, 1]), pts=np.array([0, 10, 25]), end=31)
    thinned = shown.thinned(2)
    assert (thinned.sample.tolist(), thinned.pts.tolist(), thinned.end) == ([0, 1], [0, 25], 31)
    fields = shown.separate_fields()
    assert fields.sample.tolist() == [0, 0, 2, 2, 1, 1]
    assert fields.pts.tolist() == [0, 10, 20, 35, 50, 56]
    assert fields.end == 62
