from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.errors import ProofError
from eddyline.media.video.join import join_chunks, movie_timescale, sample_times
from eddyline.media.video.rendition_verification import presented_samples, telemetry_digest, verify_rendition
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.byte_ranges import Ints
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit
from eddyline.mp4.presentation import Presentation
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece
from eddyline.store.ranges import FileRanges

_SCALE = 90_000
_VIDEO_HEADER = make_full_box("vmhd", 0, 1, bytes(8))
_AUDIO_HEADER = make_full_box("smhd", 0, 0, bytes(4))
_IDR, _P = b"\x00\x00\x00\x02\x65\x88", b"\x00\x00\x00\x02\x41\x9a"


def _stsd(entry: bytes) -> bytes:
    return make_full_box("stsd", 0, 0, (1).to_bytes(4, "big"), entry)


def _avc1(setting: int = 0) -> bytes:
    return _stsd(make_box("avc1", bytes(6) + b"\x00\x01" + bytes(70), make_box("avcC", bytes([1, setting]))))


def _mp4a(rate: int = 48_000) -> bytes:
    head = (
        bytes(6) + b"\x00\x01" + bytes(8) + b"\x00\x02\x00\x10" + bytes(4) + (rate << 16).to_bytes(4, "big")
    )
    return _stsd(make_box("mp4a", head))


def _shown(pts: list[int], end: int) -> Presentation:
    times = np.array(pts, np.int64)
    return Presentation(sample=np.arange(len(pts), dtype=np.int64), pts=times, end=end)


def _chunk(path: Path, order: list[int], *, setting: int = 0, first: bytes = _IDR) -> Path:
    """Writes a chunk whose samples are the frames of `order`, in decode order; the first is a keyframe."""
    data = [first, *[_P] * (len(order) - 1)]
    path.with_suffix(".raw").write_bytes(b"".join(data))
    size = np.array([len(each) for each in data], np.int64)
    piece = Piece(source=path.with_suffix(".raw"), offset=np.cumsum(size) - size, size=size)
    rank = np.array(order, np.int64)
    track = OutputTrack(
        handler="vide",
        name="",
        timescale=30,
        stsd=_avc1(setting),
        media_header=_VIDEO_HEADER,
        width=16,
        height=16,
        pieces=(piece,),
        duration=np.ones(len(order), np.int64),
        cts_offset=rank - np.arange(len(order)) + 2,
        sync=np.arange(len(order)) == 0,
    )
    write_mp4(path, [track], timescale=30)
    return path


def _render(out: Path, chunks: list[Path], shown: Presentation) -> None:
    joined = join_chunks(chunks)
    times = sample_times(joined.rank, shown, timescale=_SCALE, movie_timescale=_SCALE)
    track = OutputTrack(
        handler="vide",
        name="",
        timescale=_SCALE,
        stsd=joined.stsd,
        media_header=joined.media_header,
        pieces=joined.pieces,
        duration=times.duration,
        cts_offset=times.cts_offset,
        sync=joined.sync,
        edits=times.edits,
    )
    write_mp4(out, [track], timescale=_SCALE)


def _verify(out: Path, shown: Presentation, *, gop: int = 4, telemetry: str | None = None) -> tuple[int, ...]:
    verified = verify_rendition(
        out,
        codec="h264",
        gop=gop,
        shown=shown,
        timescale=_SCALE,
        audio_samples=[],
        telemetry_sha256=telemetry,
    )
    return verified.idr


_TIMES = [0, 3003, 6006, 9010, 12012, 20000, 20001, 30000]  # a variable rate


def test_every_frame_of_joined_chunks_has_the_sources_time(tmp_path: Path) -> None:
    chunks = [_chunk(tmp_path / f"{n}.mp4", [0, 3, 1, 2]) for n in range(2)]
    shown = _shown(_TIMES, 33_000)
    _render(tmp_path / "out.mp4", chunks, shown)
    assert _verify(tmp_path / "out.mp4", shown) == (0, 4)


def test_a_late_start_is_kept_by_an_empty_edit(tmp_path: Path) -> None:
    shown = _shown([each + 4500 for each in _TIMES], 37_500)
    _render(tmp_path / "out.mp4", [_chunk(tmp_path / "a.mp4", [0, 4, 2, 1, 3, 7, 5, 6])], shown)
    assert _verify(tmp_path / "out.mp4", shown, gop=8) == (0,)


def test_frames_before_zero_stay_before_zero(tmp_path: Path) -> None:
    shown = _shown([each - 6006 for each in _TIMES], 27_000)
    _render(tmp_path / "out.mp4", [_chunk(tmp_path / "a.mp4", [0, 3, 1, 2, 4, 5, 6, 7])], shown)
    assert _verify(tmp_path / "out.mp4", shown, gop=8) == (0,)


@given(data=st.data(), count=st.integers(1, 40), first_pts=st.integers(-5000, 5000))
def test_decode_times_ascend_and_no_frame_is_decoded_too_late(
    data: st.DataObject, count: int, first_pts: int
) -> None:
    steps = data.draw(st.lists(st.integers(1, 9000), min_size=count, max_size=count))
    pts: Ints = first_pts + np.cumsum([0, *steps[:-1]]).astype(np.int64)
    rank = np.array(data.draw(st.permutations(range(count))), np.int64)
    shown = Presentation(sample=rank, pts=pts, end=int(pts[-1]) + steps[-1])
    times = sample_times(rank, shown, timescale=_SCALE, movie_timescale=_SCALE)
    assert times.duration.tolist() == steps
    dts = np.cumsum(times.duration) - times.duration
    media = dts + times.cts_offset
    delay = times.edits[-1].media_time if times.edits else 0
    wait = sum(edit.duration for edit in times.edits if edit.media_time < 0)
    assert (media - delay + wait == pts[rank]).all()
    if first_pts >= 0:
        assert times.cts_offset.min() == 0


def test_a_chunk_with_different_parameter_sets_is_rejected(tmp_path: Path) -> None:
    chunks = [_chunk(tmp_path / "a.mp4", [0, 1]), _chunk(tmp_path / "b.mp4", [0, 1], setting=1)]
    with pytest.raises(ProofError, match="different parameter sets"):
        join_chunks(chunks)


def test_joining_no_chunks_is_rejected() -> None:
    with pytest.raises(ProofError, match="no chunks"):
        join_chunks([])


def test_a_missing_frame_is_detected(tmp_path: Path) -> None:
    shown = _shown(_TIMES, 33_000)
    _render(tmp_path / "out.mp4", [_chunk(tmp_path / "a.mp4", [0, 1, 2, 3, 4, 5, 6, 7])], shown)
    with pytest.raises(ProofError, match="shows 8 frames, the source 9"):
        _verify(tmp_path / "out.mp4", _shown([*_TIMES, 33_000], 36_000), gop=8)


def test_a_frame_at_another_time_is_detected(tmp_path: Path) -> None:
    shown = _shown(_TIMES, 33_000)
    _render(tmp_path / "out.mp4", [_chunk(tmp_path / "a.mp4", [0, 1, 2, 3, 4, 5, 6, 7])], shown)
    moved = [*_TIMES[:5], 20_000 - 1, *_TIMES[6:]]
    with pytest.raises(ProofError, match="frame 5 does not have the source"):
        _verify(tmp_path / "out.mp4", _shown(moved, 33_000), gop=8)


def test_keyframes_off_the_grid_are_detected(tmp_path: Path) -> None:
    shown = _shown(_TIMES, 33_000)
    chunks = [_chunk(tmp_path / "a.mp4", [0, 1, 2]), _chunk(tmp_path / "b.mp4", [0, 1, 2, 3, 4])]
    _render(tmp_path / "out.mp4", chunks, shown)
    with pytest.raises(ProofError, match="off the grid of 4"):
        _verify(tmp_path / "out.mp4", shown)


def test_a_frame_wrongly_marked_as_a_keyframe_is_detected(tmp_path: Path) -> None:
    shown = _shown(_TIMES, 33_000)
    chunks = [_chunk(tmp_path / "a.mp4", [0, 1, 2, 3]), _chunk(tmp_path / "b.mp4", [0, 1, 2, 3], first=_P)]
    _render(tmp_path / "out.mp4", chunks, shown)
    with pytest.raises(ProofError, match="frame 4 is marked as a keyframe"):
        _verify(tmp_path / "out.mp4", shown)


def test_missing_telemetry_is_detected(tmp_path: Path) -> None:
    shown = _shown(_TIMES, 33_000)
    _render(tmp_path / "out.mp4", [_chunk(tmp_path / "a.mp4", [0, 1, 2, 3, 4, 5, 6, 7])], shown)
    with FileRanges(tmp_path / "out.mp4") as source:
        assert telemetry_digest(source, read_movie(source)) is None
    with pytest.raises(ProofError, match="telemetry differs"):
        _verify(tmp_path / "out.mp4", shown, gop=8, telemetry="ab" * 32)


@pytest.mark.parametrize(
    ("edits", "samples"),
    [
        ((), 4096),
        ((Edit(media_time=1024, duration=0),), 3072),
        ((Edit(media_time=1024, duration=2000),), 2000),
        ((Edit(media_time=-1, duration=500), Edit(media_time=1024, duration=2000)), 2000),
        ((Edit(media_time=1024, duration=9000),), 3072),
    ],
)
def test_presented_audio_samples_exclude_priming_and_padding(
    tmp_path: Path, edits: tuple[Edit, ...], samples: int
) -> None:
    (tmp_path / "raw").write_bytes(b"abcd")
    piece = Piece(source=tmp_path / "raw", offset=np.arange(4), size=np.ones(4, np.int64))
    track = OutputTrack(
        handler="soun",
        name="",
        timescale=48_000,
        stsd=_mp4a(),
        media_header=_AUDIO_HEADER,
        pieces=(piece,),
        duration=np.full(4, 1024, np.int64),
        edits=edits,
    )
    write_mp4(tmp_path / "a.m4a", [track], timescale=48_000)
    with FileRanges(tmp_path / "a.m4a") as source:
        movie = read_movie(source)
    assert presented_samples(movie, movie.tracks[0]) == samples


def test_the_movie_timescale_is_exact_for_video_and_audio() -> None:
    assert movie_timescale(30_000, [48_000]) == 240_000
    assert movie_timescale(90_000, [44_100, 1000]) == 4_410_000
    # Timescales that do not fit 32 bits are ignored, except for that of the video.
    assert movie_timescale(2_147_483_629, [48_000]) == 2_147_483_629
    assert Fraction(movie_timescale(600, [48_000]), 600).denominator == 1
