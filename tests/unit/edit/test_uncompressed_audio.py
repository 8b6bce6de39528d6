"""PCM and companded audio in every form of MOV and MP4: encoding, trimming and merging keep every sample."""

from __future__ import annotations

import shutil
import struct
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from eddyline.core.errors import ProofError
from eddyline.core.processes.runner import Runner
from eddyline.edit import track_range
from eddyline.edit.merge.merge import merge
from eddyline.edit.track_range import TrackRange
from eddyline.edit.trim.time_values import parse_time
from eddyline.edit.trim.trim import TrimRequest, trim
from eddyline.edit.trim.trim_verification import verify_pcm
from eddyline.media.audio.encode import encode_track
from eddyline.media.ladder.profile import AudioSettings
from eddyline.media.source.source import AudioFacts
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.boxes import make_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit, Movie, Track
from eddyline.mp4.slice import copy_tracks
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges

RATE = 48_000
FPS = Fraction(25)
PCM = [f"pcm_{kind}{end}" for kind in ("s16", "s24", "s32", "f32", "f64") for end in ("le", "be")]
MOV_ONLY = ["pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw", "adpcm_ima_qt"]
FORMS = [(codec, "mov") for codec in PCM + MOV_ONLY] + [(codec, "mp4") for codec in PCM]
Decoded = npt.NDArray[np.float64]


def make(ffmpeg: str, out: Path, codec: str, samples: int = 40_123, channels: int = 2, *options: str) -> Path:
    """Writes one second of video, every frame a keyframe, and this many samples of rising tones."""
    tones = "|".join(f"0.4*sin({2000 + 100 * n}*t*(1+t))" for n in range(channels))
    argv = [
        *(ffmpeg, "-y", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=64x36:rate={FPS}:d=1"),
        *("-f", "lavfi", "-i", f"aevalsrc={tones}:s={RATE},atrim=end_sample={samples}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", "1", "-c:a", codec, *options, f"{out}"),
    ]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return out


def decoded(ffmpeg: str, path: Path, channels: int = 2) -> Decoded:
    """Returns every sample as decoded by FFmpeg without options, float64[n, channels]."""
    argv = [ffmpeg, "-v", "error", "-i", f"{path}", "-map", "0:a:0", "-c:a", "pcm_f64le", "-f", "f64le", "-"]
    done = subprocess.run(argv, check=True, capture_output=True, timeout=60)
    assert not done.stderr
    return np.frombuffer(done.stdout, "<f8").reshape(-1, channels)


def read_audio_track(path: Path) -> tuple[Movie, Track]:
    with FileRanges(path) as file:
        movie = read_movie(file)
    track = movie.first_track("audio")
    assert track is not None
    return movie, track


def cut(source: Path, out: Path, start: str, end: str, tools: Toolchain) -> Path:
    trim(source, out, TrimRequest(start=parse_time(start), end=parse_time(end)), tools=tools)
    return out


@pytest.mark.parametrize(("codec", "container"), FORMS)
def test_every_form_is_copied_encoded_trimmed_and_merged_exactly(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, codec: str, container: str
) -> None:
    source = make(ffmpeg, tmp_path / f"GX010042.{container}", codec)
    plain = decoded(ffmpeg, source)
    copied = tmp_path / f"copy.{container}"
    with FileRanges(source) as file:
        movie = read_movie(file)
        copy_tracks(file, movie, movie.tracks_of_kind("audio"), copied)
    assert np.array_equal(decoded(ffmpeg, copied), plain)
    facts = AudioFacts(track=2, codec=codec, channels=2, sample_rate=RATE)
    out = tmp_path / "a.m4a"
    encoded = encode_track(copied, facts, AudioSettings(), tools=tools, runner=Runner(), out=out)
    assert encoded.samples == len(plain)
    # Frames 3 to 17 at 25 per second; then a trim of the trimmed file, as outputs are valid sources.
    part = cut(source, tmp_path / f"part.{container}", "3f", "17f", tools)
    again = cut(part, tmp_path / f"again.{container}", "2f", "9f", tools)
    if codec == "adpcm_ima_qt":  # packets of 64 samples; each depends on the previous one
        assert len(decoded(ffmpeg, part)) == 14 * 1920
        assert np.abs(decoded(ffmpeg, part) - plain[3 * 1920 : 17 * 1920]).max() < 0.01
    else:
        assert np.array_equal(decoded(ffmpeg, part), plain[3 * 1920 : 17 * 1920])
        assert np.array_equal(decoded(ffmpeg, again), plain[5 * 1920 : 12 * 1920])
        assert read_audio_track(again)[1].edits == ()
    second = shutil.copyfile(source, tmp_path / f"GX020042.{container}")
    merged = tmp_path / f"merged.{container}"
    merge([source, second], merged)
    both = decoded(ffmpeg, merged)
    # The second chapter's audio starts with its video: silence (whole packets) fills the rest of the first.
    begin = RATE - (RATE - len(plain)) % (64 if codec == "adpcm_ima_qt" else 1)
    assert np.array_equal(both[: len(plain)], plain)
    if codec != "adpcm_ima_qt":
        assert np.array_equal(both[begin:], plain)
    assert len(both) == begin + len(plain)
    assert np.abs(both[len(plain) : begin]).max(initial=0) < 0.001


@pytest.mark.parametrize("samples", [1, 1023, 1024, 1025, 24_000, 47_999, 60_001])
def test_every_length_is_kept(ffmpeg: str, tools: Toolchain, tmp_path: Path, samples: int) -> None:
    source = make(ffmpeg, tmp_path / "GX010042.mov", "pcm_s16le", samples)
    plain = decoded(ffmpeg, source)
    assert len(plain) == samples
    movie, track = read_audio_track(source)
    assert (track.duration, track.unit_bytes) == (samples, 4)
    facts = AudioFacts(track=2, codec="pcm_s16le", channels=2, sample_rate=RATE)
    copied = tmp_path / "copy.mov"
    with FileRanges(source) as file:
        copy_tracks(file, movie, [track], copied)
    out = tmp_path / "a.m4a"
    assert (
        encode_track(copied, facts, AudioSettings(), tools=tools, runner=Runner(), out=out).samples == samples
    )
    second = shutil.copyfile(source, tmp_path / "GX020042.mov")
    merge([source, second], tmp_path / "merged.mov")
    both = decoded(ffmpeg, tmp_path / "merged.mov")
    # Audio that is longer than its video is cut at the end of the video, exact to the sample.
    kept = plain[:RATE] if samples >= RATE + 1024 else plain
    begin = samples if abs(samples - RATE) < 1024 else RATE
    assert np.array_equal(both[: len(kept)], kept)
    assert np.array_equal(both[begin:], plain)


@pytest.mark.parametrize(
    ("layout", "channels"), [("mono", 1), ("FL", 1), ("quad", 4), ("7.1", 8), ("16c", 16)]
)
@pytest.mark.parametrize("container", ["mov", "mp4"])
def test_a_trim_keeps_the_layout_and_the_order_of_channels(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, layout: str, channels: int, container: str
) -> None:
    audio_filter = {"FL": "pan=FL|c0=c0", "16c": "anull"}.get(layout, f"aformat=channel_layouts={layout}")
    source = make(ffmpeg, tmp_path / f"a.{container}", "pcm_s24le", 48_000, channels, "-af", audio_filter)
    plain = decoded(ffmpeg, source, channels)
    part = cut(source, tmp_path / f"part.{container}", "3f", "17f", tools)
    assert np.array_equal(decoded(ffmpeg, part, channels), plain[3 * 1920 : 17 * 1920])
    assert read_audio_track(part)[1].stsd == read_audio_track(source)[1].stsd


def replace_bytes(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))


def test_quicktime_sample_sizes_of_one_byte_are_ignored(ffmpeg: str, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", "pcm_s24le")
    plain = decoded(ffmpeg, source)
    head = make_box("stsz", bytes(4), struct.pack(">II", 6, len(plain)))
    replace_bytes(source, head, make_box("stsz", bytes(4), struct.pack(">II", 1, len(plain))))
    movie, track = read_audio_track(source)
    assert track.unit_bytes == 6
    copied = tmp_path / "copy.mov"
    with FileRanges(source) as file:
        copy_tracks(file, movie, [track], copied)
    assert np.array_equal(decoded(ffmpeg, copied), plain)


def test_quicktime_tables_that_count_samples_are_read_as_packets(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    """IMA ADPCM with entry version 1: every sample is one tick, and 64 samples have 34 bytes per channel."""
    source = make(ffmpeg, tmp_path / "a.mov", "adpcm_ima_qt", 40_000)
    plain = decoded(ffmpeg, source)
    with FileRanges(source) as file:
        movie = read_movie(file)
        track = movie.tracks_of_kind("audio")[0]
        packets = len(track.samples)
        chunk = passthrough(movie, track, file)
        video = passthrough(movie, movie.tracks_of_kind("video")[0], file)
        entry = bytearray(track.stsd[16:])
        entry[16:18] = struct.pack(">H", 1)
        entry[36:36] = struct.pack(">IIII", 64, 34, 68, 2)
        entry[:4] = struct.pack(">I", len(entry))
        stsd = make_box("stsd", track.stsd[8:16], bytes(entry))
        old = tmp_path / "old.mov"
        write_mp4(
            old,
            [video, replace(chunk, stsd=stsd, edits=())],
            timescale=movie.timescale,
            brand="qt  ",
            compatible=("qt  ",),
        )
    data = old.read_bytes()
    at = data.rindex(b"stts")
    rows = struct.pack(">III", 1, packets, 64)
    assert data[at + 8 : at + 20] == rows
    data = data.replace(
        b"stts" + bytes(4) + rows, b"stts" + bytes(4) + struct.pack(">III", 1, packets * 64, 1)
    )
    sizes = make_box("stsz", bytes(4), struct.pack(">II", 68, packets))
    assert data.count(sizes) == 1
    data = data.replace(sizes, make_box("stsz", bytes(4), struct.pack(">II", 1, packets * 64)))
    at = data.rindex(b"stsc")
    count = int.from_bytes(data[at + 8 : at + 12], "big")
    runs = np.frombuffer(data[at + 12 : at + 12 + 12 * count], ">u4").reshape(count, 3).copy()
    runs[:, 1] *= 64
    old.write_bytes(data[: at + 12] + runs.tobytes() + data[at + 12 + 12 * count :])
    assert np.array_equal(decoded(ffmpeg, old), plain)
    movie, track = read_audio_track(old)
    assert (track.duration, track.unit_bytes, int(track.samples.size.sum())) == (
        packets * 64,
        68,
        packets * 68,
    )
    part = cut(old, tmp_path / "part.mov", "3f", "17f", tools)
    assert len(decoded(ffmpeg, part)) == 14 * 1920


def test_edits_of_pcm_are_applied_to_its_samples(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    """A delay, and two ranges with a pause between them. FFmpeg applies edits of PCM only to whole blocks."""
    plain = make(ffmpeg, tmp_path / "plain.mov", "pcm_s16le", 48_000)
    samples = decoded(ffmpeg, plain)
    edited = tmp_path / "edited.mov"
    with FileRanges(plain) as file:
        movie = read_movie(file)
        video, audio = (passthrough(movie, track, file, timescale=48_000) for track in movie.tracks)
        edits = (
            Edit(media_time=-1, duration=4_800),
            Edit(media_time=1_234, duration=10_001),
            Edit(media_time=-1, duration=500),
            Edit(media_time=30_000, duration=9_999),
        )
        write_mp4(
            edited,
            [video, replace(audio, edits=edits)],
            timescale=48_000,
            brand="qt  ",
            compatible=("qt  ",),
        )
    expected = np.concatenate((samples[1_234:11_235], np.zeros((500, 2)), samples[30_000:39_999]))
    with FileRanges(edited) as file:
        movie = read_movie(file)
        out = track_range.presented_audio(movie, movie.tracks_of_kind("audio")[0], file)
        assert out is not None
        write_mp4(tmp_path / "alone.mov", [out], timescale=48_000, brand="qt  ", compatible=("qt  ",))
    assert np.array_equal(decoded(ffmpeg, tmp_path / "alone.mov"), expected)
    assert out.edits[0] == Edit(media_time=-1, duration=4_800)
    # From 0.2 s (frame 5): 9,600 - 4,800 samples after the start of the presented audio.
    part = cut(edited, tmp_path / "part.mov", "5f", "15f", tools)
    assert np.array_equal(decoded(ffmpeg, part), expected[4_800 : 4_800 + 19_200])


def test_an_edit_in_coarser_ticks_loses_no_sample(ffmpeg: str, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", "pcm_s16le", 40_010, 2, "-movie_timescale", "1000")
    with FileRanges(source) as file:
        movie = read_movie(file)
        out = track_range.presented_audio(movie, movie.tracks_of_kind("audio")[0], file)
    assert movie.timescale == 1000
    assert out is not None
    assert int(out.duration.sum()) == 40_010


def test_a_changed_sample_of_a_trimmed_file_is_detected(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", "pcm_s24le")
    part = cut(source, tmp_path / "part.mov", "3f", "17f", tools)
    span = TrackRange(start=Fraction(3, 25), end=Fraction(17, 25), timescale=48_000)
    with FileRanges(source) as src:
        movie = read_movie(src)
        verify_pcm(part, src, movie, movie.tracks, span)
        at = int(read_audio_track(part)[1].samples.offset[3])
        data = bytearray(part.read_bytes())
        data[at] ^= 1
        part.write_bytes(bytes(data))
        with pytest.raises(ProofError, match="the audio of track 2"):
            verify_pcm(part, src, movie, movie.tracks, span)
