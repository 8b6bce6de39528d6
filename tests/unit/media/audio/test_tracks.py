"""FFmpeg decodes each audio track to decide which are used and which are listed as omitted."""

from __future__ import annotations

import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from eddyline.core.processes.runner import Runner
from eddyline.media.audio.channel_layouts import channel_mix
from eddyline.media.audio.encode import encode_track
from eddyline.media.audio.tracks import AudioTracks, probe_audio_tracks
from eddyline.media.ladder.profile import AudioSettings
from eddyline.media.source.open_source import main_video
from eddyline.media.source.probe import probe
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.boxes import make_box
from eddyline.mp4.index import read_movie
from eddyline.mp4.movie import Edit
from eddyline.mp4.slice import copy_tracks
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import passthrough
from eddyline.store.ranges import FileRanges

Decoded = npt.NDArray[np.float32]


def make(ffmpeg: str, out: Path, *options: str, tones: int = 2, tracks: int = 2) -> Path:
    """Write a second of video and several audio tracks of 0.5 s."""
    tone = "|".join(f"0.2*sin({2000 + 500 * n}*t)" for n in range(tones))
    argv = [ffmpeg, "-y", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25:d=1"]
    for number in range(tracks):
        argv += ["-f", "lavfi", "-i", f"aevalsrc={tone}:s=48000:d=0.5,volume={1 - number / 4}"]
    maps = [argument for number in range(tracks + 1) for argument in ("-map", f"{number}")]
    argv += [*maps, "-c:v", "libx264", "-preset", "ultrafast", *(options or ("-c:a", "aac")), f"{out}"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return out


def probe_tracks(path: Path, tools: Toolchain, work: Path) -> AudioTracks:
    with FileRanges(path) as src:
        return probe_audio_tracks(src, read_movie(src), runner=Runner(), tools=tools, work=work)


def change_last(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    at = data.rindex(old)
    path.write_bytes(data[:at] + new + data[at + len(old) :])


def overwrite_samples(path: Path, track: int, samples: slice) -> None:
    with FileRanges(path) as src:
        table = read_movie(src).tracks_of_kind("audio")[track].samples
    data = bytearray(path.read_bytes())
    for offset, size in zip(table.offset[samples], table.size[samples], strict=True):
        data[int(offset) : int(offset + size)] = b"\xff" * int(size)
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("fourcc", "why"),
    [
        (b"apac", "FFmpeg has no decoder for apple_apac"),
        (b"zzzz", "FFmpeg has no decoder for this codec"),
        (b"enca", "its samples are encrypted (DRM)"),
    ],
)
def test_a_second_track_without_a_decoder_is_omitted(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, fourcc: bytes, why: str
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", "-c:a", "pcm_s16le")
    change_last(source, b"sowt", fourcc)
    found = probe_tracks(source, tools, tmp_path)
    assert [each.track for each in found.facts] == [2]
    assert [(each.kind, each.what, each.why) for each in found.left_out] == [
        ("audio", f"track 3 ({fourcc.decode()})", why)
    ]


def test_a_video_without_a_decodable_audio_track_is_accepted(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4")
    overwrite_samples(source, 0, slice(None))
    overwrite_samples(source, 1, slice(None))
    with FileRanges(source) as src:
        facts = probe(src, read_movie(src), runner=Runner(), tools=tools, work=tmp_path)
    assert facts.audio == ()
    assert [each.why for each in facts.left_out] == ["none of it can be decoded"] * 2


def test_a_track_damaged_only_at_its_start_is_used(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", tracks=1)
    overwrite_samples(source, 0, slice(0, 17))
    found = probe_tracks(source, tools, tmp_path)
    assert [(each.codec, each.channels, each.sample_rate) for each in found.facts] == [("aac", 2, 48_000)]
    assert found.left_out == ()


def test_ffmpeg_decides_what_a_sample_rate_of_zero_means(
    ffmpeg: str, tools: Toolchain, tmp_path: Path
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", "-c:a", "pcm_s16le")
    change_last(source, b"\xbb\x80\0\0", bytes(4))
    assert [each.sample_rate for each in probe_tracks(source, tools, tmp_path).facts] == [48_000, 48_000]


def test_video_and_other_tracks_have_no_effect(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    source = make(ffmpeg, tmp_path / "a.mp4", "-c:a:0", "aac", "-c:a:1", "ac3")
    with FileRanges(source) as src:
        movie = read_movie(src)
        assert main_video(movie).number == 1
        found = probe_audio_tracks(src, movie, runner=Runner(), tools=tools, work=tmp_path)
    assert [(each.track, each.codec, each.layout) for each in found.facts] == [
        (2, "aac", "stereo"),
        (3, "ac3", "stereo"),
    ]
    assert not list(tmp_path.glob("audio-*"))


def encoded(ffmpeg: str, tools: Toolchain, source: Path) -> tuple[Decoded, AudioTracks]:
    """Return the first audio track as encoded by `run`, float32[n, channels]."""
    found = probe_tracks(source, tools, source.parent)
    alone, out = source.with_name("alone.mov"), source.with_name("out.m4a")
    with FileRanges(source) as src:
        movie = read_movie(src)
        copy_tracks(src, movie, movie.tracks_of_kind("audio")[:1], alone)
    result = encode_track(alone, found.facts[0], AudioSettings(), tools=tools, runner=Runner(), out=out)
    argv = [ffmpeg, "-v", "error", "-i", f"{out}", "-c:a", "pcm_f32le", "-f", "f32le", "-"]
    raw = subprocess.run(argv, check=True, capture_output=True, timeout=60).stdout
    return np.frombuffer(raw, "<f4").reshape(-1, result.channels), found


def level(samples: Decoded, tone: int) -> list[float]:
    """Return the amplitude of test tone number `tone` in each channel."""
    at = np.arange(len(samples)) / 48_000
    wave = np.exp(-1j * (2000 + 500 * tone) * at)
    return [float(each) for each in np.abs((samples * wave[:, None]).mean(axis=0)) * 2]


@pytest.mark.parametrize(
    ("layout", "channels"),
    [
        *(("mono", 1), ("FL", 1), ("LFE", 1), ("stereo", 2), ("downmix", 2), ("FL+LFE", 2), ("2.1", 3)),
        *(("quad", 4), ("4.0", 4), ("5.0", 5), ("5.1", 6), ("5.1(side)", 6)),
    ],
)
def test_up_to_six_channels_keep_number_order_and_level(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, layout: str, channels: int
) -> None:
    channel_map = f"channelmap=map={'|'.join(f'{n}-{n}' for n in range(channels))}:channel_layout={layout}"
    source = make(
        ffmpeg, tmp_path / "a.mov", "-af", channel_map, "-c:a", "pcm_s16le", tones=channels, tracks=1
    )
    decoded, found = encoded(ffmpeg, tools, source)
    assert decoded.shape == (24_000, channels)
    assert found.left_out == ()
    for tone in range(channels):
        levels = level(decoded, tone)
        if "LFE" not in layout and not (".1" in layout and tone == channels - (1 if layout == "2.1" else 3)):
            assert levels[tone] == pytest.approx(0.2, rel=0.1), (tone, levels)
        others = [each for channel, each in enumerate(levels) if channel != tone]
        assert max(others, default=0) < 0.02


@pytest.mark.parametrize(
    ("channels", "kept", "why"),
    [(8, 6, "mixed down to 5.1"), (9, 2, "the first two are kept"), (16, 6, "5.1"), (40, 2, "first two")],
)
def test_more_channels_are_mixed_down_and_listed_as_omitted(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, channels: int, kept: int, why: str
) -> None:
    source = make(ffmpeg, tmp_path / "a.mov", "-c:a", "pcm_s16le", tones=channels, tracks=1)
    decoded, found = encoded(ffmpeg, tools, source)
    assert decoded.shape == (24_000, kept)
    assert [(each.kind, why in each.why) for each in found.left_out] == [("audio", True)]
    assert f"{channels} in all" in found.left_out[0].what


def test_ambisonic_audio_becomes_stereo(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    plain = make(ffmpeg, tmp_path / "plain.mp4", "-c:a", "pcm_s16le", tones=4, tracks=1)
    source = tmp_path / "a.mp4"
    sa3d = make_box("SA3D", bytes(2), struct.pack(">IBBI4I", 1, 0, 0, 4, 0, 1, 2, 3))
    with FileRanges(plain) as src:
        movie = read_movie(src)
        tracks = [passthrough(movie, track, src) for track in movie.tracks]
        entry = bytearray(tracks[1].stsd[16:])
        if (at := entry.find(b"chnl")) > 0:  # keep only one declaration of the layout
            del entry[at - 4 : at - 4 + int.from_bytes(entry[at - 4 : at], "big")]
        entry += sa3d
        entry[:4] = struct.pack(">I", len(entry))
        tracks[1] = replace(tracks[1], stsd=make_box("stsd", tracks[1].stsd[8:16], bytes(entry)))
        write_mp4(source, tracks, timescale=movie.timescale)
    decoded, found = encoded(ffmpeg, tools, source)
    assert found.facts[0].layout.startswith("ambisonic")
    assert found.facts[0].ambisonic == (0, 1, 2, 3)
    assert decoded.shape == (24_000, 2)
    assert found.left_out == ()  # the track itself is kept as a file
    # W is half of both sides, Y is half of the left and the negative half of the right.
    assert level(decoded, 0) == pytest.approx([0.1, 0.1], rel=0.1)
    assert level(decoded, 1) == pytest.approx([0.1, 0.1], rel=0.1)
    assert max(level(decoded, 2)) < 0.01


def test_the_mix_depends_on_channels_and_layout() -> None:
    assert channel_mix(6, "").filters == ()
    assert channel_mix(8, "").channels == 6
    assert channel_mix(4, "4 channels").filters == ("channelmap=map=0-0|1-1|2-2|3-3:channel_layout=4.0",)
    assert channel_mix(6, "3.1.2").filters == ("aformat=channel_layouts=5.1",)
    assert channel_mix(1, "1 channels (FL)").filters == ("channelmap=map=0-0:channel_layout=mono",)
    assert channel_mix(2, "2 channels (FR+FL)").filters == ("aformat=channel_layouts=stereo",)
    assert channel_mix(8, "8 channels (FL+FR+FC+LFE+SL+SR+BL+BR)").filters == ("aformat=channel_layouts=5.1",)


def test_channels_in_a_custom_order_are_reordered(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    channel_map = "channelmap=map=0-0|1-1|2-2:channel_layout=FL+FC+FR"
    source = make(ffmpeg, tmp_path / "a.mov", "-af", channel_map, "-c:a", "pcm_s16le", tones=3, tracks=1)
    decoded, found = encoded(ffmpeg, tools, source)
    assert found.facts[0].layout == "3 channels (FL+FC+FR)"
    assert found.left_out == ()
    assert [int(np.argmax(level(decoded, tone))) for tone in range(3)] == [0, 2, 1]


def test_composition_offsets_only_delay_audio(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    plain = make(ffmpeg, tmp_path / "plain.mp4", tracks=1)
    offset = tmp_path / "offset.mp4"
    with FileRanges(plain) as src:
        movie = read_movie(src)
        video, audio = (passthrough(movie, track, src) for track in movie.tracks)
        cts_offsets = np.full(len(audio.duration), 1024)
        edits = tuple(Edit(media_time=each.media_time + 1024, duration=each.duration) for each in audio.edits)
        write_mp4(
            offset, [video, replace(audio, cts_offset=cts_offsets, edits=edits)], timescale=movie.timescale
        )
    assert b"ctts" in offset.read_bytes()[-200_000:]
    expected, _ = encoded(ffmpeg, tools, plain)
    decoded, _ = encoded(ffmpeg, tools, offset)
    assert np.array_equal(decoded, expected)
