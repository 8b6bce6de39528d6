"""Written files contain the requested tracks, and other readers agree."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tracemalloc
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.mp4.movies import Clip, Frames, Make, Open

from eddyline.core.errors import TransientError, UsageError
from eddyline.mp4.boxes import make_box, make_full_box
from eddyline.mp4.byte_ranges import ByteRanges, Ints
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import IDENTITY_MATRIX, Edit
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import iter_samples, write_slice
from eddyline.mp4.write.box_writer import ftyp_box, mdat_header, moov_box
from eddyline.mp4.write.interleave import TrackTiming, plan_chunks
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import OutputTrack, Piece, link_references, passthrough
from eddyline.store.ranges import FileRanges

_STSD = make_full_box("stsd", 0, 0, b"\0\0\0\1", make_box("gpmd", bytes(6), b"\0\1", bytes(4)))
_GMHD = make_box("gmhd", make_full_box("gmin", 0, 0, bytes(12)))


class Zeros:
    """A source of zeros of any length."""

    def __init__(self, size: int) -> None:
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        assert offset + length <= self.size
        return bytes(length)


def _ints(*values: int) -> Ints:
    return np.array(values, np.int64)


def _metadata(
    source: ByteRanges,
    sizes: Ints,
    **more: Any,
) -> OutputTrack:
    offsets = np.cumsum(sizes) - sizes
    return replace(
        OutputTrack(
            handler="meta",
            name="GoPro MET",
            timescale=1000,
            stsd=_STSD,
            media_header=_GMHD,
            pieces=(Piece(source=source, offset=offsets, size=sizes),),
            duration=np.full(len(sizes), 1001, np.int64),
        ),
        **more,
    )


def test_a_track_is_read_back_as_written(tmp_path: Path, opened: Open) -> None:
    stsd = make_full_box(
        "stsd", 0, 0, b"\0\0\0\2", *(make_box("gpmd", bytes(6), b"\0\1", bytes([0, 0, 0, n])) for n in (1, 2))
    )
    written = _metadata(
        Zeros(100),
        _ints(3, 0, 9, 4, 5),
        stsd=stsd,
        name="GoPro MÉT",
        language="swe",
        matrix=(0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000),
        enabled=False,
        duration=_ints(10, 10, 0, 70_000, 5),
        cts_offset=_ints(0, -10, 20, 20, 0),
        sync=np.array([True, False, False, True, False]),
        description=np.array([1, 1, 2, 2, 1], np.int32),
        edits=(Edit(media_time=-1, duration=40), Edit(media_time=5, duration=1 << 33, rate=Fraction(1, 2))),
        references={"cdsc": (2,)},
    )
    write_mp4(
        tmp_path / "a.mp4",
        [written, _metadata(Zeros(9), _ints(9))],
        timescale=600,
        creation_time=7,
        udta=b"\0abc",
    )
    movie = opened(tmp_path / "a.mp4").movie
    track = movie.tracks[0]
    assert (movie.timescale, movie.creation_time, movie.udta, movie.brand) == (600, 7, b"\0abc", "isom")
    assert (track.kind, track.handler, track.name, track.format) == ("telemetry", "meta", "GoPro MÉT", "gpmd")
    assert (track.language, track.rotation, track.enabled) == ("swe", 90, False)
    assert (track.stsd, track.media_header) == (stsd, _GMHD)
    assert (track.edits, track.references) == (written.edits, {"cdsc": (2,)})
    samples = track.samples
    assert samples.size.tolist() == [3, 0, 9, 4, 5]
    assert samples.duration.tolist() == [10, 10, 0, 70_000, 5]
    assert (samples.pts - samples.dts).tolist() == [0, -10, 20, 20, 0]
    assert samples.sync.tolist() == [True, False, False, True, False]
    assert samples.description.tolist() == [1, 1, 2, 2, 1]


def test_the_hash_is_that_of_the_file_and_the_bytes_are_deterministic(tmp_path: Path) -> None:
    tracks = [_metadata(Zeros(5000), np.full(50, 100))]
    first, second = (write_mp4(tmp_path / name, tracks, timescale=1000) for name in ("a.mp4", "b.mp4"))
    data = (tmp_path / "a.mp4").read_bytes()
    assert first == second
    assert (first.bytes, first.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_the_index_precedes_the_media(tmp_path: Path) -> None:
    write_mp4(tmp_path / "a.mp4", [_metadata(Zeros(500), np.full(5, 100))], timescale=1000)
    data = (tmp_path / "a.mp4").read_bytes()
    assert data[4:8] == b"ftyp"
    assert data.index(b"moov") < data.index(b"mdat")
    with FileRanges(tmp_path / "a.mp4") as source:
        assert read_movie(source).bytes_read <= 64 * 1024


def test_tracks_are_interleaved_by_time(tmp_path: Path, opened: Open) -> None:
    tracks = [_metadata(Zeros(50_000), np.full(50, 1000)), _metadata(Zeros(500), np.full(50, 10))]
    write_mp4(tmp_path / "a.mp4", tracks, timescale=1000, interleave_s=2.0)
    first, second = opened(tmp_path / "a.mp4").movie.tracks
    for left, right in zip(first.samples.offset[:-2], second.samples.offset[2:], strict=True):
        assert left < right
    for left, right in zip(first.samples.offset[2:], second.samples.offset[:-2], strict=True):
        assert right < left


def test_samples_of_several_files_become_one_track(
    make_clip: Make, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    clip = opened(make_clip("closed_gop"))
    shown = build_presentation(clip.movie, clip.video)
    parts, expected = [], []
    for first, last in ((0, 12), (12, 36), (36, 50)):
        part = write_slice(
            clip.source, clip.movie, clip.video, first, last, tmp_path / f"{first}.mp4", shown=shown
        )
        parts.append(opened(part.path))
        expected += [frame for _, frame in frames(part.path)]
    tables = [part.video.samples for part in parts]
    joined = OutputTrack(
        handler="vide",
        name="joined",
        timescale=clip.video.timescale,
        stsd=clip.video.stsd,
        media_header=clip.video.media_header,
        width=160,
        height=90,
        pieces=tuple(
            Piece(source=part.path, offset=table.offset, size=table.size)
            for part, table in zip(parts, tables, strict=True)
        ),
        duration=np.full(50, 1001, np.int64),
        cts_offset=np.concatenate([table.pts - table.dts for table in tables]),
        sync=np.concatenate([table.sync for table in tables]),
    )
    write_mp4(tmp_path / "joined.mp4", [joined], timescale=30000)
    assert [frame for _, frame in frames(tmp_path / "joined.mp4")] == expected
    assert opened(tmp_path / "joined.mp4").video.samples.sync.sum() == 5


@pytest.mark.parametrize("name", ["karma.mp4", "max-heromode.mp4"])
def test_a_copy_of_all_tracks_preserves_a_camera_file(
    name: str, samples: Path, opened: Open, ffprobe: str, tmp_path: Path
) -> None:
    clip = opened(samples / name)
    copies = [passthrough(clip.movie, track, clip.source) for track in clip.movie.tracks]
    write_mp4(
        tmp_path / name,
        link_references(clip.movie.tracks, copies),
        timescale=clip.movie.timescale,
        creation_time=clip.movie.creation_time,
        udta=clip.movie.udta,
    )
    copy = opened(tmp_path / name)
    assert copy.movie.udta == clip.movie.udta
    assert copy.movie.creation_time == clip.movie.creation_time
    for old, new in zip(clip.movie.tracks, copy.movie.tracks, strict=True):
        assert list(iter_samples(copy.source, new)) == list(iter_samples(clip.source, old))
        for field in ("kind", "name", "format", "timescale", "edits", "references", "stsd", "media_header"):
            assert getattr(new, field) == getattr(old, field)
        for array in ("size", "dts", "pts", "sync"):
            assert np.array_equal(getattr(new.samples, array), getattr(old.samples, array))
    entries = "stream=codec_tag_string,nb_frames,start_pts,time_base"
    outputs = [
        json.loads(
            subprocess.run(
                (ffprobe, "-v", "quiet", "-of", "json", "-show_entries", entries, str(path)),
                check=True,
                capture_output=True,
            ).stdout
        )["streams"]
        for path in (clip.path, copy.path)
    ]
    assert outputs[0] == outputs[1]


def test_an_independent_reader_finds_camera_and_locations(
    samples: Path, opened: Open, tmp_path: Path
) -> None:
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed")
    clip = opened(samples / "max-heromode.mp4")
    copies = [passthrough(clip.movie, track, clip.source) for track in clip.movie.tracks]
    write_mp4(tmp_path / "a.mp4", copies, timescale=clip.movie.timescale, udta=clip.movie.udta)
    argv = (
        exiftool,
        "-ee",
        "-j",
        "-G3",
        "-a",
        "-n",
        "-Model",
        "-FirmwareVersion",
        "-GPSLatitude",
        "-GPSLongitude",
    )
    outputs = [
        json.loads(subprocess.run((*argv, str(path)), check=True, capture_output=True).stdout)[0]
        for path in (clip.path, tmp_path / "a.mp4")
    ]
    for output in outputs:
        del output["SourceFile"]
    assert outputs[0] == outputs[1]
    assert "GoPro Max" in outputs[1].values()
    assert sum("GPSLatitude" in key for key in outputs[1]) >= 11, "at least one of each payload"


def test_memory_does_not_grow_with_the_media(tmp_path: Path) -> None:
    track = _metadata(Zeros(64 << 20), np.full(256, 256 << 10), duration=np.full(256, 40, np.int64))
    tracemalloc.start()
    write_mp4(tmp_path / "a.mp4", [track], timescale=1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 24 << 20


def test_a_sample_larger_than_memory_blocks_is_copied_in_parts(tmp_path: Path) -> None:
    written = write_mp4(tmp_path / "a.mp4", [_metadata(Zeros(20 << 20), _ints(20 << 20))], timescale=1000)
    assert written.bytes > 20 << 20


def _beyond_4_gib(clip: Clip, out: Path, hole: int) -> None:
    """Writes the clip's video with a hole of `hole` bytes before its media."""
    samples = clip.video.samples
    track = passthrough(clip.movie, clip.video, clip.source)
    timing = TrackTiming(
        size=samples.size,
        duration=track.duration,
        description=samples.description,
        timescale=clip.video.timescale,
    )
    ftyp = ftyp_box("isom", ("isom",))
    mdat = mdat_header(hole + int(samples.size.sum()))
    moov = moov_box(
        [track],
        [timing],
        plan_chunks([timing], 0.5),
        timescale=clip.movie.timescale,
        creation_time=0,
        udta=None,
        before=len(ftyp),
        media_header=len(mdat) + hole,
    )
    with out.open("wb") as file:
        file.write(ftyp + moov + mdat)
        file.seek(hole, 1)
        file.writelines(iter_samples(clip.source, clip.video))


def test_media_after_4_gib_has_64_bit_offsets(
    make_clip: Make, opened: Open, frames: Frames, tmp_path: Path
) -> None:
    clip = opened(make_clip("open_gop_h264"))
    _beyond_4_gib(clip, tmp_path / "large.mp4", 5 << 30)
    large = opened(tmp_path / "large.mp4")
    assert int(large.video.samples.offset[0]) > 5 << 30
    assert b"co64" in large.source.read(0, 10_000)
    expected = [frame for _, frame in frames(clip.path)]
    assert [frame for _, frame in frames(large.path)] == expected
    part = write_slice(large.source, large.movie, large.video, 9, 31, tmp_path / "part.mp4")
    decoded = frames(part.path, trim=(part.start_pts, part.end_pts))
    assert [frame for _, frame in decoded] == expected[9:31]


def test_offsets_have_32_bits_where_sufficient(make_clip: Make, opened: Open, tmp_path: Path) -> None:
    clip = opened(make_clip("closed_gop"))
    _beyond_4_gib(clip, tmp_path / "small.mp4", 1 << 20)
    assert b"co64" not in (tmp_path / "small.mp4").read_bytes()


def test_edits_are_in_ticks_of_the_written_movie(make_clip: Make, opened: Open) -> None:
    clip = opened(make_clip("closed_gop"))
    (edit,) = passthrough(clip.movie, clip.video, clip.source, timescale=30000).edits
    assert edit == Edit(
        media_time=2002, duration=clip.video.edits[0].duration * 30000 // clip.movie.timescale
    )


def test_a_fragmented_source_keeps_its_late_start(make_clip: Make, opened: Open, tmp_path: Path) -> None:
    data = make_clip("fragmented_from_moof").read_bytes()
    first, second = (at - 4 for at in _offsets(data, b"moof")[:2])
    (tmp_path / "late.mp4").write_bytes(data[:first] + data[second:])
    clip = opened(tmp_path / "late.mp4")
    track = clip.video
    first_dts = int(track.samples.dts[0])
    assert first_dts > 0
    write_mp4(
        tmp_path / "a.mp4", [passthrough(clip.movie, track, clip.source, timescale=30000)], timescale=30000
    )
    copy = opened(tmp_path / "a.mp4")
    before, after = build_presentation(clip.movie, track), build_presentation(copy.movie, copy.video)
    assert before.pts[0] > 0
    assert np.array_equal(before.pts, after.pts)


def _offsets(data: bytes, word: bytes) -> list[int]:
    found, at = [], data.find(word)
    while at >= 0:
        found.append(at)
        at = data.find(word, at + 1)
    return found


def test_a_full_disk_is_a_transient_error() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with pytest.raises(TransientError, match="No space left on device"):
        write_mp4(full, [_metadata(Zeros(9), _ints(9))], timescale=1000)


def test_an_empty_track_can_be_written(tmp_path: Path, opened: Open) -> None:
    write_mp4(tmp_path / "a.mp4", [_metadata(Zeros(0), _ints())], timescale=1000)
    assert len(opened(tmp_path / "a.mp4").movie.tracks[0].samples) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"duration": _ints(1)}, "3 samples, but 1 values of duration"),
        ({"sync": np.array([True])}, "values of sync"),
        ({"duration": _ints(1, -1, 1)}, "unsigned 32-bit"),
        ({"cts_offset": _ints(0, 1 << 31, 0)}, "signed 32-bit"),
        ({"references": {"tmcd": (2,)}}, "a track that is not written"),
        ({"edits": (Edit(media_time=0, duration=1 << 63),)}, "too long"),
    ],
)
def test_inconsistent_arguments_are_rejected(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        write_mp4(tmp_path / "a.mp4", [_metadata(Zeros(9), _ints(1, 2, 3), **change)], timescale=1000)


def test_a_rotation_matrix_is_read_as_degrees(tmp_path: Path, opened: Open) -> None:
    one = 0x10000
    matrices = {
        0: IDENTITY_MATRIX,
        90: (0, one, 0, -one, 0),
        180: (-one, 0, 0, 0, -one),
        270: (0, -one, 0, one, 0),
    }
    for degrees, matrix in matrices.items():
        full_matrix = (*matrix[:5], 0, 0, 0, 0x40000000)
        write_mp4(tmp_path / "a.mp4", [_metadata(Zeros(9), _ints(9), matrix=full_matrix)], timescale=1000)
        assert opened(tmp_path / "a.mp4").movie.tracks[0].rotation == degrees


def test_an_edit_to_the_end_of_a_fragmented_track_still_presents_all_frames(
    tmp_path: Path, ffmpeg: str
) -> None:
    argv = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x36:r=25:d=1"]
    argv += ["-f", "lavfi", "-i", "sine=997:r=48000:d=1", "-c:v", "mpeg4", "-c:a", "alac"]
    fragmented, plain = tmp_path / "fragmented.mp4", tmp_path / "plain.mp4"
    movflags = ("-movflags", "frag_keyframe+delay_moov+default_base_moof")
    subprocess.run([*argv, *movflags, str(fragmented)], check=True)
    with FileRanges(fragmented) as source:
        movie = read_movie(source)
        assert [edit.duration for track in movie.tracks for edit in track.edits] == [0, 0]
        write_mp4(plain, [passthrough(movie, track, source) for track in movie.tracks], timescale=1000)
    decode = [ffmpeg, "-v", "error", "-i", str(plain), "-map", "0:a", "-f", "s16le", "-"]
    assert len(subprocess.run(decode, check=True, capture_output=True).stdout) == 2 * 48_000
