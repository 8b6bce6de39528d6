"""Valid but unusual samples and times give the frames that FFmpeg outputs, also in slices."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.unit.mp4.movies import Bytes, Clip, Edited, Frames, Make, Open

from eddyline.core.errors import EddylineError, UnsupportedError
from eddyline.mp4.boxes import make_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Track
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.samples.sample_formats import require_one_format
from eddyline.mp4.slice import require_separable, write_slice
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece, passthrough

# An access unit delimiter, an SEI message (pic_timing), and both with a message of an unknown type.
_DELIMITER = b"\0\0\0\2\x09\xf0"
_MESSAGE = b"\0\0\0\x08\x06\x01\x04\0\0\0\0\x80"
_PARAMETERS = b"\0\0\0\2\x09\xf0" + b"\0\0\0\x05\x06\xff\x00\x00\x80"


def _with_extras(clip: Clip, out: Path, extras: list[bytes], *, every: int = 1, duration: int = 0) -> Path:
    """Writes the clip with `extras` as separate samples after every `every`-th sample."""
    track = passthrough(clip.movie, clip.video, clip.path)
    (whole,) = track.pieces
    extras_path = out.with_suffix(".bin")
    extras_path.write_bytes(b"".join(extras) + b"\0")
    at = np.concatenate(([0], np.cumsum([len(each) for each in extras]))).astype(np.int64)
    pieces, durations, offsets, sync = [], [], [], []
    cts = np.zeros(len(whole.size), np.int64) if track.cts_offset is None else track.cts_offset
    keys = np.ones(len(whole.size), bool) if track.sync is None else track.sync
    for number in range(len(whole.size)):
        row = slice(number, number + 1)
        pieces.append(Piece(source=whole.source, offset=whole.offset[row], size=whole.size[row]))
        added = extras if number % every == 0 else []
        durations.append(int(track.duration[number]) - duration * len(added))
        offsets.append(int(cts[number]))
        sync.append(bool(keys[number]))
        for index, extra in enumerate(added):
            pieces.append(
                Piece(source=extras_path, offset=at[index : index + 1], size=np.array([len(extra)], np.int64))
            )
            durations.append(duration)
            offsets.append(0)
            sync.append(False)
    extended = replace(
        track,
        pieces=tuple(pieces),
        duration=np.array(durations, np.int64),
        cts_offset=np.array(offsets, np.int64),
        sync=np.array(sync),
        description=None,
    )
    write_mp4(out, [extended], timescale=clip.movie.timescale)
    return out


def _altered(clip: Clip, out: Path, change: Callable[[OutputTrack], OutputTrack]) -> Path:
    write_mp4(out, [change(passthrough(clip.movie, clip.video, clip.path))], timescale=clip.movie.timescale)
    return out


def _check_frames(clip: Clip, frames: Frames, tmp_path: Path, count: int) -> None:
    """Asserts that the index has FFmpeg's frames, and that slices of seven frames decode to them."""
    expected = [frame for _, frame in frames(clip.path)]
    shown = build_presentation(clip.movie, clip.video)
    assert len(shown) == len(expected) == count
    assert np.all(np.diff(shown.pts) > 0)
    decoded: list[str] = []
    for start in range(0, len(shown), 7):
        stop = min(start + 7, len(shown))
        part = write_slice(
            clip.source, clip.movie, clip.video, start, stop, tmp_path / "part.mp4", shown=shown
        )
        decoded += [frame for _, frame in frames(part.path, trim=(part.start_pts, part.end_pts))]
    assert decoded == expected


@pytest.mark.parametrize("name", ["closed_gop", "open_gop_h264", "all_intra"])
@pytest.mark.parametrize(
    ("extras", "every", "duration"),
    [
        ([_DELIMITER, _MESSAGE], 1, 0),
        ([_DELIMITER], 5, 17),
        ([b""], 11, 29),
        ([b"", _MESSAGE, b""], 3, 0),
        ([_PARAMETERS], 2, 0),
    ],
)
def test_samples_without_a_coded_frame_present_no_frame(
    name: str,
    extras: list[bytes],
    every: int,
    duration: int,
    make_clip: Make,
    opened: Open,
    frames: Frames,
    tmp_path: Path,
) -> None:
    original = opened(make_clip(name))
    odd = opened(_with_extras(original, tmp_path / "odd.mp4", extras, every=every, duration=duration))
    assert len(odd.video.frameless_samples) == len(odd.video.samples) - len(original.video.samples) > 0
    _check_frames(odd, frames, tmp_path, len(original.video.samples))


@pytest.mark.parametrize("name", ["mjpeg", "intra_refresh", "all_intra"])
def test_frames_that_share_a_time_get_distinct_times(
    name: str, make_clip: Make, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    original = opened(make_clip(name))

    def change(track: OutputTrack) -> OutputTrack:
        duration = track.duration.copy()
        duration[3::4] = 0
        return replace(track, duration=duration)

    odd = opened(_altered(original, tmp_path / "odd.mov", change))
    _check_frames(odd, frames, tmp_path, len(original.video.samples))


@pytest.mark.parametrize("step", [-512, -100, -1])
def test_negative_deltas_are_read_as_by_ffmpeg(
    step: int, make_clip: Make, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    original = opened(make_clip("intra_refresh"))

    def change(track: OutputTrack) -> OutputTrack:
        duration = track.duration.copy()
        duration[[7, 20]] = step + (1 << 32)
        return replace(track, duration=duration, edits=())

    odd = opened(_altered(original, tmp_path / "odd.mp4", change))
    assert build_presentation(odd.movie, odd.video).pts.tolist() == [at for at, _ in frames(odd.path)]
    _check_frames(odd, frames, tmp_path, len(original.video.samples))


@pytest.mark.parametrize("name", ["closed_gop", "open_gop_h264", "open_gop_hevc", "all_intra", "mjpeg"])
def test_an_empty_sync_table_is_rebuilt_from_the_bitstream(
    name: str, make_clip: Make, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    original = opened(make_clip(name))
    none = np.zeros(len(original.video.samples), bool)
    odd = opened(_altered(original, tmp_path / "odd.mov", lambda track: replace(track, sync=none, edits=())))
    assert odd.video.samples.sync.tolist() == original.video.samples.sync.tolist()
    _check_frames(odd, frames, tmp_path, len(original.video.samples))


@pytest.mark.parametrize("codec", ["mpeg4", "libvpx-vp9", "libsvtav1"])
def test_keyframes_of_other_codecs_are_found_without_a_sync_table(
    codec: str, opened: Open, run_ffmpeg: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    options = {"libsvtav1": ("-preset", "12"), "libvpx-vp9": ("-cpu-used", "8")}.get(codec, ())
    size = "160x96"
    run_ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-frames:v", "30", "-c:v", codec, *options),
        *("-g", "10", str(path)),
    )
    original = opened(path)
    assert 1 < original.video.samples.sync.sum() < 30
    none = np.zeros(30, bool)
    odd = opened(_altered(original, tmp_path / "odd.mp4", lambda track: replace(track, sync=none)))
    assert odd.video.samples.sync.tolist() == original.video.samples.sync.tolist()


@pytest.mark.parametrize(
    ("codec", "pixels", "keys"),
    [("png", "rgb24", 30), ("mjpeg", "yuvj420p", 30), ("mpeg2video", "yuv420p", 3)],
)
def test_the_codec_of_an_mp4v_entry_is_read_from_its_esds(
    codec: str, pixels: str, keys: int, opened: Open, run_ffmpeg: Callable[..., str], tmp_path: Path
) -> None:
    path = tmp_path / "clip.mp4"
    run_ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=160x96:r=25", "-frames:v", "30", "-c:v", codec, "-g", "10"),
        *("-pix_fmt", pixels, str(path)),
    )
    original = opened(path)
    all_sync = np.ones(30, bool)
    odd = opened(_altered(original, tmp_path / "odd.mp4", lambda track: replace(track, sync=all_sync)))
    assert odd.video.samples.sync.tolist() == original.video.samples.sync.tolist()
    assert int(odd.video.samples.sync.sum()) == keys


def _rejection(data: bytes) -> EddylineError:
    with pytest.raises(UnsupportedError) as rejected:
        read_movie(Bytes(data))
    return rejected.value


@pytest.mark.parametrize(
    "entry",
    [
        make_box("url ", b"\0\0\0\0", b"file:///Volumes/media/clip.mp4\0"),
        make_box(
            "alis",
            b"\0\0\0\0",
            bytes(10),
            b"\x05",
            b"media".ljust(27, b"\0"),
            bytes(12),
            b"\x08clip.mp4",
            bytes(90),
        ),
    ],
)
def test_media_in_another_file_is_rejected(entry: bytes, make_clip: Make) -> None:
    data = make_clip("moov_first").read_bytes()
    dref = data[data.index(b"dref") - 4 :][:28]
    assert dref[:8] == b"\0\0\0\x1cdref"
    new = make_box("dref", struct.pack(">II", 0, 1), entry)
    rejected = _rejection(_replaced(data, dref, new))
    assert rejected.reason == "external-media"
    assert "clip.mp4" in rejected.message


def test_references_to_the_file_itself_and_empty_references_are_accepted(make_clip: Make) -> None:
    data = make_clip("moov_first").read_bytes()
    dref = data[data.index(b"dref") - 4 :][:28]
    empty = make_box("dref", struct.pack(">II", 0, 1), make_box("url ", b"\0\0\0\0", b"\0"))
    assert len(read_movie(Bytes(_replaced(data, dref, empty))).tracks) == 1


def test_a_compressed_index_is_rejected(make_clip: Make) -> None:
    data = make_clip("moov_first").read_bytes()
    at = data.index(b"moov") - 4
    (size,) = struct.unpack_from(">I", data, at)
    packed = make_box("cmov", make_box("dcom", b"zlib"), make_box("cmvd", struct.pack(">I", size), b"x"))
    rejected = _rejection(data[:at] + make_box("moov", packed) + data[at + size :])
    assert rejected.reason == "compressed-index"
    assert "compress" in rejected.message


def _replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """Returns the file with another box inside its moov; the sizes of the enclosing boxes are updated."""
    start = data.index(old)
    changed = bytearray(data[:start] + new + data[start + len(old) :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        at = data.index(kind) - 4
        (size,) = struct.unpack_from(">I", data, at)
        struct.pack_into(">I", changed, at, size + len(new) - len(old))
    return bytes(changed)


def _two_entries(first: Clip, second: Clip) -> Track:
    """The first clip's video with the second's sample entry appended, used by the later half."""
    track = first.video
    entries = track.stsd[16:] + second.video.stsd[16:]
    in_second_half = (np.arange(len(track.samples)) >= len(track.samples) // 2).astype(np.int32)
    samples = replace(track.samples, description=in_second_half + 1)
    return replace(track, stsd=make_box("stsd", struct.pack(">II", 0, 2), entries), samples=samples)


def test_samples_of_several_formats_are_rejected(make_clip: Make, opened: Open) -> None:
    avc, hevc = opened(make_clip("closed_gop")), opened(make_clip("open_gop_hevc"))
    require_one_format(avc.video)
    require_one_format(_two_entries(avc, opened(make_clip("open_gop_h264"))))
    with pytest.raises(UnsupportedError, match=r"avc1, h") as rejected:
        require_one_format(_two_entries(avc, hevc))
    assert rejected.value.reason == "mixed-formats"


def test_an_edit_that_hides_frames_in_the_middle_is_rejected(
    make_clip: Make, opened: Open, edited: Edited
) -> None:
    whole = opened(make_clip("open_gop_h264"))
    require_separable(whole.video, build_presentation(whole.movie, whole.video))
    late = opened(edited(make_clip("closed_gop"), [(12500, 20020)]))
    require_separable(late.video, build_presentation(late.movie, late.video))
    hidden = opened(edited(make_clip("closed_gop"), [(2002, 10010), (30030, 10010)]))
    with pytest.raises(UnsupportedError, match="hides frames in the middle") as rejected:
        require_separable(hidden.video, build_presentation(hidden.movie, hidden.video))
    assert rejected.value.reason == "edit-list"
