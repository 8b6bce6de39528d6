"""Merged chapters contain every sample of every chapter, at the time it was recorded."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eddyline import gpmf
from eddyline.core.errors import InputError, Interrupted, ProofError, UnsupportedError
from eddyline.edit.merge import merge_verification
from eddyline.edit.merge.merge import join_chapters, merge
from eddyline.edit.merge.recordings import group_recordings
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit, Movie
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import link_references, passthrough
from eddyline.store.ranges import FileRanges

CopyChapters = Callable[[Path, int], list[Path]]


def index(path: Path) -> Movie:
    with FileRanges(path) as src:
        return read_movie(src)


def samples_of(path: Path, track: int) -> list[bytes]:
    with FileRanges(path) as src:
        return list(iter_samples(src, read_movie(src).tracks[track]))


def changed(source: Path, out: Path, **changes: Any) -> Path:
    """Writes a copy with changed attributes of the video track; returns its path."""
    from dataclasses import replace

    movie = index(source)
    tracks = link_references(movie.tracks, [passthrough(movie, track, source) for track in movie.tracks])
    tracks[0] = replace(tracks[0], **changes)
    write_mp4(out, tracks, timescale=movie.timescale, udta=movie.udta, creation_time=movie.creation_time)
    return out


def test_a_merge_contains_every_sample_for_any_order_of_the_arguments(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path
) -> None:
    copies = copy_chapters(clip, 3)
    result = merge([copies[2], copies[0], copies[1]], tmp_path / "out.mp4")
    assert result.chapters == tuple(copies)
    assert (result.frames, result.payloads) == (180, 6)
    for track in (0, 1):
        assert samples_of(tmp_path / "out.mp4", track) == 3 * samples_of(clip, track)
    assert sorted(each.name for each in tmp_path.iterdir()) == [*(each.name for each in copies), "out.mp4"]


def test_frames_keep_their_interval_at_the_joins(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path
) -> None:
    merge(copy_chapters(clip, 3), tmp_path / "out.mp4")
    movie = index(tmp_path / "out.mp4")
    shown = build_presentation(movie, movie.tracks[0])
    assert shown.pts.tolist() == (np.arange(180) * 3003).tolist()
    assert np.flatnonzero(movie.tracks[0].samples.sync).tolist() == [0, 60, 120]


def test_telemetry_counters_continue_and_payloads_start_with_each_chapter(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path
) -> None:
    merge(copy_chapters(clip, 3), tmp_path / "out.mp4")
    one, whole = gpmf.read(clip), gpmf.read(tmp_path / "out.mp4")
    for label, stream in one.streams.items():
        merged = whole.streams[label]
        assert len(merged) == 3 * len(stream)
        assert (
            merged.numbers("TSMP").tolist()
            == np.cumsum(np.diff([0, *stream.numbers("TSMP")] * 1).tolist() * 3).tolist()
        )
        assert merged.times[len(stream)] == pytest.approx(2.002, abs=0.001)
    assert whole.payloads.start_s.tolist() == pytest.approx([0, 1.001, 2.002, 3.003, 4.004, 5.005])


def test_hilights_of_all_chapters_are_kept(clip: Path, copy_chapters: CopyChapters, tmp_path: Path) -> None:
    merge(copy_chapters(clip, 2), tmp_path / "out.mp4")
    first = [hilight.time_s for hilight in gpmf.read(clip).hilights]
    merged = [hilight.time_s for hilight in gpmf.read(tmp_path / "out.mp4").hilights]
    assert merged == pytest.approx([*first, *(2.002 + time for time in first)])


def test_ffmpeg_decodes_primed_audio_in_sync(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path, ffmpeg: str
) -> None:
    out = tmp_path / "out.mp4"
    merge(copy_chapters(clip, 5), out)
    decoded = _decoded(ffmpeg, out)
    assert abs(len(decoded) - 5 * 2.002 * 48_000) < 1024
    edits = index(out).tracks[1].edits
    assert len(edits) == 5
    assert sum(edit.duration for edit in edits) == pytest.approx(index(out).duration, abs=1)


def _decoded(ffmpeg: str, path: Path) -> np.ndarray:
    argv = (ffmpeg, "-v", "error", "-protocol_whitelist", "file,pipe", "-i", str(path), "-map", "0:a")
    tail = ("-af", "aresample=async=1", "-ac", "1", "-f", "f32le", "-")
    return np.frombuffer(subprocess.run([*argv, *tail], capture_output=True, check=True).stdout, "<f4")


@pytest.mark.parametrize("name", ["karma.mp4", "max-heromode.mp4"])
def test_real_recordings_keep_all_tracks_and_samples(
    samples: Path, copy_chapters: CopyChapters, tmp_path: Path, name: str
) -> None:
    source = samples / name
    merge(copy_chapters(source, 2), tmp_path / "out.mp4")
    one, whole = index(source), index(tmp_path / "out.mp4")
    assert [track.format for track in whole.tracks] == [track.format for track in one.tracks]
    assert whole.tracks[0].references == {"tmcd": (3,)}
    for number, track in enumerate(one.tracks):
        if track.kind != "telemetry":
            assert samples_of(tmp_path / "out.mp4", number) == 2 * samples_of(source, number)
    length = one.tracks[0].duration
    assert whole.tracks[0].duration == 2 * length
    assert whole.tracks[2].samples.dts.tolist() == [0, length]  # each chapter's own timecode
    assert whole.creation_time == one.creation_time


def test_audio_shorter_than_the_video_never_drifts_by_a_frame(
    samples: Path, copy_chapters: CopyChapters, tmp_path: Path
) -> None:
    # karma's audio is 4 ms shorter than its video: after six chapters that would be more than a frame.
    source = samples / "karma.mp4"
    merge(copy_chapters(source, 9), tmp_path / "out.mp4")
    one, whole = index(source), index(tmp_path / "out.mp4")
    audio, count = whole.tracks[1], len(one.tracks[1].samples)
    starts = audio.samples.dts[::count] / audio.timescale
    expected = np.arange(9) * one.tracks[0].duration / one.tracks[0].timescale
    assert np.abs(starts - expected).max() < 1024 / 48_000
    assert not audio.edits


def test_rates_of_real_telemetry_are_kept(samples: Path, copy_chapters: CopyChapters, tmp_path: Path) -> None:
    source = samples / "max-heromode.mp4"
    merge(copy_chapters(source, 3), tmp_path / "out.mp4")
    one, whole = gpmf.read(source), gpmf.read(tmp_path / "out.mp4")
    for label, stream in one.streams.items():
        merged = whole.streams[label]
        assert len(merged) == 3 * len(stream)
        assert merged.rate_hz == pytest.approx(stream.rate_hz, rel=0.01)
        assert merged.times[len(stream)] - merged.times[0] == pytest.approx(10.5105, abs=0.002)


def test_different_cameras_are_rejected_by_name(samples: Path, tmp_path: Path) -> None:
    shutil.copyfile(samples / "karma.mp4", tmp_path / "GX010042.MP4")
    shutil.copyfile(samples / "max-heromode.mp4", tmp_path / "GX020042.MP4")
    both = sorted(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"GX010042\.MP4 and GX020042\.MP4 .*HERO5 Black and GoPro Max"):
        merge(both, tmp_path / "out.mp4")
    assert sorted(tmp_path.iterdir()) == both
    assert group_recordings(both) == [(both[0],), (both[1],)]


def test_compatible_parameter_sets_get_separate_sample_entries(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path
) -> None:
    copies = copy_chapters(clip, 2)
    stsd = index(clip).tracks[0].stsd
    at = stsd.index(b"avcC") + 4
    end = at - 8 + int.from_bytes(stsd[at - 8 : at - 4], "big")
    other = bytearray(stsd)
    other[end - 1] ^= 1  # the last byte of the last parameter set
    changed(clip, copies[1], stsd=bytes(other))
    merge(copies, tmp_path / "out.mp4")
    track = index(tmp_path / "out.mp4").tracks[0]
    assert int.from_bytes(track.stsd[12:16], "big") == 2
    assert track.samples.description.tolist() == [1] * 60 + [2] * 60


def test_another_codec_profile_is_rejected(clip: Path, copy_chapters: CopyChapters, tmp_path: Path) -> None:
    copies = copy_chapters(clip, 2)
    stsd = bytearray(index(clip).tracks[0].stsd)
    stsd[stsd.index(b"avcC") + 5] ^= 1
    changed(clip, copies[1], stsd=bytes(stsd))
    with pytest.raises(InputError, match="track 1 codec parameters"):
        merge(copies, tmp_path / "out.mp4")


def test_another_frame_rate_is_rejected_with_both_rates(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path
) -> None:
    copies = copy_chapters(clip, 2)
    changed(clip, copies[1], duration=np.full(60, 3600, np.int64), cts_offset=None, edits=())
    with pytest.raises(InputError, match="frame rate 30000/1001 and 25"):
        merge(copies, tmp_path / "out.mp4")


def test_chapters_with_hidden_frames_are_rejected(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path
) -> None:
    copies = copy_chapters(clip, 2)
    edits = (Edit(media_time=6006, duration=240_000, rate=Fraction(1)),)
    changed(clip, copies[1], edits=edits)
    with pytest.raises(UnsupportedError, match="hides"):
        merge(copies, tmp_path / "out.mp4")
    assert len(group_recordings(copies)) == 2


def test_a_result_that_fails_verification_is_not_published(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without counter keys, verification rejects every changed payload.
    monkeypatch.setattr(merge_verification, "COUNTER_KEYS", frozenset())
    copies = copy_chapters(clip, 2)
    with pytest.raises(ProofError, match="telemetry"):
        merge(copies, tmp_path / "out.mp4")
    assert sorted(tmp_path.iterdir()) == copies


def test_a_stopped_merge_leaves_no_file(clip: Path, copy_chapters: CopyChapters, tmp_path: Path) -> None:
    copies, calls = copy_chapters(clip, 2), []

    def stop() -> None:
        calls.append(1)
        if len(calls) > 8:
            raise Interrupted("stop requested")

    with pytest.raises(Interrupted):
        join_chapters(copies, tmp_path / "out.mp4", check=stop)
    assert sorted(tmp_path.iterdir()) == copies


def test_ffprobe_reads_the_result_as_one_recording(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path
) -> None:
    ffprobe = shutil.which("ffprobe")
    if ffprobe is None:
        pytest.skip("ffprobe is not installed")
    merge(copy_chapters(clip, 2), tmp_path / "out.mp4")
    argv = [
        ffprobe,
        "-v",
        "error",
        "-count_frames",
        "-show_streams",
        "-of",
        "json",
        str(tmp_path / "out.mp4"),
    ]
    reported = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)["streams"]
    assert reported[0]["nb_read_frames"] == "120"
    assert reported[2]["codec_tag_string"] == "gpmd"
    assert float(reported[0]["duration"]) == pytest.approx(4.004, abs=0.001)
    assert float(reported[1]["duration"]) == pytest.approx(4.004, abs=0.03)


def test_samples_with_an_undefined_sample_entry_are_rejected(
    clip: Path, copy_chapters: CopyChapters, tmp_path: Path
) -> None:
    copies = copy_chapters(clip, 2)
    changed(clip, copies[1], description=np.full(60, 7, np.int32))
    with pytest.raises(InputError, match="entry 7 of 1"):
        merge(copies, tmp_path / "out.mp4")


def test_an_encrypted_track_is_rejected_by_number(plain: Path, tmp_path: Path) -> None:
    encrypted, other = tmp_path / "encrypted.mp4", tmp_path / "other.mp4"
    shutil.copyfile(plain, other)
    encrypted.write_bytes(plain.read_bytes().replace(b"mp4a", b"enca", 1))
    with pytest.raises(UnsupportedError, match=r"encrypted.mp4: track 2 \(audio\) is encrypted") as rejected:
        merge([encrypted, other], tmp_path / "out.mp4")
    assert rejected.value.reason == "encrypted"
