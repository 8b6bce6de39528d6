"""360-degree recordings in two tracks: how the tracks are found, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.media.source.eac_layout import LAYOUTS, find_layout, require_layout
from eddyline.media.source.eac_pair import find_pair, read_second_track
from eddyline.media.source.open_source import main_video
from eddyline.mp4.boxes import make_full_box
from eddyline.mp4.movie import Movie, Samples, Track
from eddyline.mp4.presentation import build_presentation


def _track(number: int, **values: object) -> Track:
    frames, step = int(str(values.pop("frames", 4))), int(str(values.pop("step", 10)))
    count = np.arange(frames, dtype=np.int64)
    samples = Samples(
        offset=count,
        size=np.ones(frames, np.int64),
        dts=count * step,
        pts=count * step,
        duration=np.full(frames, step),
        sync=count % 2 == 0,
        description=np.ones(frames, np.int32),
    )
    defaults = {
        "kind": "video", "handler": "vide", "name": "GoPro H.265", "timescale": 100, "duration": 40,
        "format": "hvc1", "stsd": make_full_box("stsd", 0, 0, bytes(4)), "media_header": b"vmhd",
        "width": 4096, "height": 1344, "samples": samples,
    }  # fmt: skip
    return Track(number=number, **{**defaults, **values})  # type: ignore[arg-type]


def _movie(tracks: Sequence[Track]) -> Movie:
    return Movie(
        timescale=100, duration=40, creation_time=0, brand="mp41", tracks=tuple(tracks), udta=None,
        fragmented=False, size=100, bytes_read=0,
    )  # fmt: skip


def _audio(number: int) -> Track:
    return _track(number, kind="audio", handler="soun", name="GoPro AAC", format="mp4a", width=0, height=0)


def test_the_tracks_of_a_pair_are_found_wherever_they_are_in_the_file() -> None:
    cover = _track(1, format="jpeg", name="cover")
    movie = _movie([cover, _audio(2), _track(3, enabled=False), _audio(4), _track(9)])
    pair = find_pair(movie)
    assert pair is not None
    assert [track.number for track in pair] == [3, 9]
    assert main_video(movie).number == 3


@pytest.mark.parametrize(
    "videos",
    [
        [_track(1)],
        [_track(1), _track(2), _track(3)],
        [_track(1), _track(2, width=2272, height=736)],
        [_track(1, format="avc1"), _track(2, format="avc1")],
        [_track(1, width=3840, height=2160, name="INS.HVC"), _track(2, width=3840, height=2160, name="x")],
    ],
    ids=["one", "three", "sizes", "codec", "another camera"],
)
def test_other_files_are_not_pairs(videos: Sequence[Track]) -> None:
    assert find_pair(_movie(videos)) is None


def test_a_known_size_identifies_a_pair_whose_names_were_lost() -> None:
    assert find_pair(_movie([_track(1, name=""), _track(2, name="")])) is not None
    unknown = [_track(1, name="", width=4000), _track(2, name="", width=4000)]
    assert find_pair(_movie(unknown)) is None


def test_the_second_track_may_have_another_clock() -> None:
    first, other = _track(1), _track(2, timescale=1000, step=100)
    found = read_second_track(_movie([first, other]), first, build_presentation(_movie([first]), first))
    assert found is not None
    assert found.track.number == 2
    assert len(found.shown) == 4
    assert read_second_track(_movie([first, other]), other, found.shown) is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (_track(2, frames=3), "different numbers of frames: 4 and 3"),
        (_track(2, step=12), "show frame 1 at different times: 0.100 and 0.120 s"),
        (_track(2, frames=0), r"the second video track .* \(track 2\) is empty"),
        (_track(2, encrypted=True), "is encrypted"),
    ],
    ids=["count", "times", "empty", "encrypted"],
)
def test_tracks_that_do_not_show_the_same_frames_are_refused(other: Track, message: str) -> None:
    first = _track(1)
    with pytest.raises(InputError, match=message) as raised:
        read_second_track(_movie([first, other]), first, build_presentation(_movie([first]), first))
    assert raised.value.reason == "eac-frames"
    assert "copy the file from the card again" in str(raised.value.remedy)


def test_the_known_layouts_fill_their_tracks() -> None:
    for layout in LAYOUTS:
        assert layout.face == layout.height
        assert layout.blended_side + layout.strip == layout.side
        assert layout.side % 4 == layout.strip % 4 == layout.face % 4 == 0  # halves of chroma planes
        assert require_layout(layout.width, layout.height) is layout


def test_an_unknown_size_is_refused_by_name() -> None:
    assert find_layout(4032, 1344) is None
    with pytest.raises(UnsupportedError, match="4032x1344 has an unknown layout") as raised:
        require_layout(4032, 1344)
    assert raised.value.reason == "eac-layout"
    assert "4096x1344" in str(raised.value.remedy)
