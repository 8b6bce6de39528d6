"""The index of camera files and generated files, and how little is read for it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.unit.mp4.movies import Make, Open, Run

from eddyline.mp4.byte_ranges import CountingRanges
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit
from eddyline.store.ranges import FileRanges


@pytest.mark.parametrize(
    ("name", "telemetry", "payloads", "frames", "udta"),
    [("karma.mp4", 96_440, 13, 362, 933), ("max-heromode.mp4", 66_328, 11, 315, 26_413)],
)
def test_real_camera_files_are_indexed_like_by_independent_tools(
    name: str, telemetry: int, payloads: int, frames: int, udta: int, samples: Path, opened: Open
) -> None:
    movie = opened(samples / name).movie
    kinds = [track.kind for track in movie.tracks]
    assert kinds == ["video", "audio", "timecode", "telemetry", "other"]
    assert [track.name for track in movie.tracks][3] == "GoPro MET", "a Pascal string"
    assert [track.format for track in movie.tracks] == ["avc1", "mp4a", "tmcd", "gpmd", "fdsc"]
    gpmd = movie.first_track("telemetry")
    assert gpmd is not None
    assert (len(gpmd.samples), int(gpmd.samples.size.sum()), gpmd.timescale) == (payloads, telemetry, 1000)
    (video,) = movie.tracks_of_kind("video")
    assert len(video.samples) == frames
    assert video.references == {"tmcd": (3,)}
    assert set(np.diff(video.samples.dts)) == {3003}
    assert movie.udta is not None
    assert len(movie.udta) == udta
    assert movie.creation_time > 0


def test_only_the_index_is_read(samples: Path) -> None:
    with FileRanges(samples / "karma.mp4") as source:
        counting = CountingRanges(source)
        movie = read_movie(counting)
        assert movie.bytes_read == counting.bytes_read < source.size * 0.03
        assert counting.requests <= 4


def test_audio_has_its_format_and_its_priming(make_clip: Make, opened: Open) -> None:
    (audio,) = opened(make_clip("closed_gop")).movie.tracks_of_kind("audio")
    assert (audio.format, audio.channels, audio.sample_rate, audio.volume) == ("mp4a", 1, 48000, 0x100)
    assert audio.edits[0].media_time == 1024


def test_rotation_and_pixel_aspect_are_read(tmp_path: Path, opened: Open, run_ffmpeg: Run) -> None:
    plain, rotated = tmp_path / "plain.mp4", tmp_path / "rotated.mp4"
    frame = ("-f", "lavfi", "-i", "testsrc2=size=160x90:rate=10:duration=0.3,setsar=4/3")
    run_ffmpeg(*frame, "-c:v", "libx264", "-preset", "ultrafast", str(plain))
    run_ffmpeg("-display_rotation:v:0", "-90", "-i", str(plain), "-c", "copy", str(rotated))
    video = opened(rotated).video
    assert (video.width, video.height, video.pixel_aspect, video.rotation) == (160, 90, Fraction(4, 3), 90)
    assert opened(plain).video.rotation == 0


def test_an_encrypted_track_is_marked_as_encrypted(
    tmp_path: Path, opened: Open, make_clip: Make, run_ffmpeg: Run
) -> None:
    path = tmp_path / "encrypted.mp4"
    key = "0123456789abcdef0123456789abcdef"
    run_ffmpeg(
        "-i", str(make_clip("one_frame")), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr",
        "-encryption_key", key, "-encryption_kid", key, str(path),
    )  # fmt: skip
    video = opened(path).video
    assert (video.encrypted, video.format, video.kind) == (True, "encv", "video")


@pytest.mark.parametrize("name", ["fragmented", "fragmented_from_moof"])
def test_fragments_give_the_same_samples_as_a_plain_file(
    name: str, make_clip: Make, opened: Open, tmp_path: Path, run_ffmpeg: Run
) -> None:
    clip = opened(make_clip(name))
    run_ffmpeg("-i", str(clip.path), "-c", "copy", str(tmp_path / "plain.mp4"))
    plain = opened(tmp_path / "plain.mp4").video
    assert clip.movie.fragmented
    assert clip.movie.duration > 0
    for array in ("size", "sync"):
        assert np.array_equal(getattr(clip.video.samples, array), getattr(plain.samples, array))
    assert np.array_equal(np.diff(clip.video.samples.pts), np.diff(plain.samples.pts))


def test_fragments_with_an_index_at_the_start_are_read_completely(
    make_clip: Make, opened: Open, tmp_path: Path, run_ffmpeg: Run
) -> None:
    out = tmp_path / "sidx.mp4"
    run_ffmpeg("-i", str(make_clip("closed_gop")), "-c", "copy", "-movflags", "dash+global_sidx", str(out))
    assert b"sidx" in out.read_bytes()
    assert len(opened(out).video.samples) == 50


def test_all_samples_of_a_video_without_stss_are_sync_samples(make_clip: Make, opened: Open) -> None:
    clip = opened(make_clip("mjpeg"))
    assert clip.video.samples.sync.all()
    assert clip.video.edits == (Edit(media_time=0, duration=clip.video.edits[0].duration),)


def test_negative_composition_offsets_are_read(make_clip: Make, opened: Open) -> None:
    samples = opened(make_clip("negative_offsets")).video.samples
    assert int((samples.pts - samples.dts).min()) < 0
    assert int(samples.pts.min()) == 0
