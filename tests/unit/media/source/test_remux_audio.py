"""Audio of other containers is copied if MP4 supports it, else decoded to a lossless codec."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from eddyline.core.processes.runner import Runner
from eddyline.media.audio.decoding import DecodedAudio
from eddyline.media.left_out.report import LeftOut
from eddyline.media.source.remux import remux_to_mp4
from eddyline.media.source.remux_audio import lossless_codec
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

_VIDEO = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=25:d=1")
_X264 = ("-c:v", "libx264", "-preset", "ultrafast")


def make(ffmpeg: str, out: Path, lavfi: str, *options: str) -> Path:
    argv = [ffmpeg, "-y", "-v", "error", *_VIDEO, "-f", "lavfi", "-i", lavfi, *_X264, *options, f"{out}"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return out


def tones(layout: str, channels: int) -> str:
    wave = "|".join(f"{(n + 1) / channels / 2}*sin(2000*t)" for n in range(channels))
    return f"aevalsrc={wave}:s=48000:d=0.5:c={layout}"


def md5(ffmpeg: str, path: Path, *options: str) -> str:
    argv = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        f"{path}",
        "-map",
        "0:a:0",
        *options,
        "-c:a",
        "pcm_f64le",
        "-f",
        "md5",
        "-",
    ]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


def remuxed(source: Path, tools: Toolchain) -> tuple[Path, list[str], tuple[LeftOut, ...]]:
    out = source.with_name("out.mp4")
    left_out = remux_to_mp4(source, out, runner=Runner(), tools=tools)
    with FileRanges(out) as src:
        return out, [track.format for track in read_movie(src).tracks_of_kind("audio")], left_out.left_out


@pytest.mark.parametrize(
    ("codec", "layout", "channels", "format_"),
    [
        ("pcm_s16le", "stereo", 2, "alac"),
        ("pcm_s24le", "mono", 1, "alac"),
        ("pcm_u8", "stereo", 2, "alac"),
        ("pcm_s32le", "stereo", 2, "ipcm"),
        ("pcm_f32le", "stereo", 2, "fpcm"),
        ("pcm_f64le", "stereo", 2, "fpcm"),
        ("pcm_s16le", "quad", 4, "ipcm"),
        ("pcm_s24le", "7.1", 8, "ipcm"),
        ("pcm_s24le", "hexadecagonal", 16, "ipcm"),
        ("truehd", "5.1", 6, "ipcm"),
        ("flac", "quad", 4, "ipcm"),
        ("flac", "stereo", 2, "ipcm"),  # 32 bits, as FFmpeg encodes doubles
        ("alac", "5.1", 6, "ipcm"),
    ],
)
def test_every_sample_of_lossless_audio_stays_in_its_channel(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, codec: str, layout: str, channels: int, format_: str
) -> None:
    source = make(ffmpeg, tmp_path / "a.mkv", tones(layout, channels), "-c:a", codec, "-strict", "-2")
    out, formats, left_out = remuxed(source, tools)
    assert (formats, left_out) == ([format_], ())
    assert md5(ffmpeg, out) == md5(ffmpeg, source)


def test_a_gap_in_audio_that_becomes_pcm_is_silence(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    with_gap = tones("quad", 4) + ",asetpts=PTS+gt(T\\,0.2)*0.3/TB"
    source = make(ffmpeg, tmp_path / "a.mkv", with_gap, "-c:a", "pcm_s16le", "-fps_mode:a", "passthrough")
    out, formats, _ = remuxed(source, tools)
    assert formats == ["ipcm"]
    assert md5(ffmpeg, out) == md5(ffmpeg, source, "-af", "aresample=async=1:min_hard_comp=0.01")


def test_an_audio_stream_without_a_decoder_is_omitted(ffmpeg: str, tools: Toolchain, tmp_path: Path) -> None:
    source = make(
        ffmpeg,
        tmp_path / "a.mkv",
        tones("stereo", 2),
        *("-map", "0", "-map", "1", "-map", "1", "-c:a:0", "aac", "-c:a:1", "pcm_s16be"),
    )
    data = source.read_bytes()
    assert data.count(b"A_PCM/INT/BIG") == 1
    source.write_bytes(data.replace(b"A_PCM/INT/BIG", b"A_UNKNOWN/XYZ"))
    _, formats, left_out = remuxed(source, tools)
    assert formats == ["mp4a"]
    assert [(each.kind, each.what.split(" (")[0], each.why) for each in left_out] == [
        ("audio", "stream 2", "FFmpeg has no decoder for this codec")
    ]


def test_the_codec_depends_on_the_decoded_format() -> None:
    def codec_of(codec: str, layout: str, sample_format: str, bits: int = 0) -> str:
        return lossless_codec(
            DecodedAudio(
                codec=codec,
                channels=2,
                sample_rate=48_000,
                layout=layout,
                sample_format=sample_format,
                bits=bits,
            )
        )

    assert codec_of("vorbis", "stereo", "flt") == "alac"
    assert codec_of("vorbis", "7.1", "flt") == "pcm_f32le"
    assert codec_of("pcm_f32le", "mono", "flt") == "pcm_f32le"
    assert codec_of("pcm_f64be", "stereo", "dbl") == "pcm_f64le"
    assert codec_of("flac", "quad", "s32", 24) == "pcm_s24le"
    assert codec_of("pcm_u8", "quad", "u8") == "pcm_s16le"
    assert codec_of("truehd", "stereo", "s32", 24) == "alac"
    assert codec_of("pcm_s32le", "stereo", "s32") == "pcm_s32le"
