"""Stripping by codec and container: frames and audio are unchanged, user data is removed."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.edit.located_files import EXIF_GPS, ISO_6709, NMEA, box, boxes, enclosing, insert_bytes

from eddyline.core.errors import UnsupportedError
from eddyline.edit.strip_location.strip import strip_location
from eddyline.mp4.index import read_movie
from eddyline.mp4.slice import iter_samples
from eddyline.mp4.write.mux import write_mp4
from eddyline.mp4.write.output_track import Piece, passthrough
from eddyline.store.ranges import FileRanges

Encode = Callable[..., Path]

KINDS = {
    "hevc.mp4": "-c:v libx265 -x265-params log-level=none -c:a aac",
    "hvc1.mov": "-c:v libx265 -x265-params log-level=none -tag:v hvc1 -c:a alac",
    "av1.mp4": "-c:v libaom-av1 -cpu-used 8 -c:a libopus",
    "vp9.mp4": "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libmp3lame",
    "mjpeg.mov": "-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le",
    "mjpeg.mp4": "-c:v mjpeg -pix_fmt yuvj420p -c:a flac",
    "png.mov": "-c:v png -c:a pcm_s24be",
    "prores.mov": "-c:v prores_ks -c:a pcm_s24le -timecode 01:00:00:00",
    "mpeg4.mp4": "-c:v mpeg4 -c:a ac3",
    "mpeg2.mov": "-c:v mpeg2video -c:a pcm_alaw",
    "mpeg2.mp4": "-c:v mpeg2video -c:a eac3",
    "ima.mov": "-c:v libx264 -c:a adpcm_ima_qt",
    "raw.mov": "-c:v rawvideo -pix_fmt uyvy422 -c:a pcm_f32le",
    "v210.mov": "-c:v v210 -c:a pcm_mulaw",
    "pcm.mp4": "-c:v libx264 -c:a pcm_s16le",
    "frag.mp4": "-c:v libx264 -g 10 -c:a aac -movflags frag_keyframe+empty_moov+default_base_moof",
    "base.mp4": "-c:v libx264 -g 10 -c:a aac -movflags frag_keyframe+empty_moov",
    "hybrid.mp4": "-c:v libx264 -g 10 -c:a aac -movflags frag_keyframe",
    "hybrid-pcm.mov": "-c:v prores_ks -c:a pcm_s24le -movflags frag_keyframe+default_base_moof",
    "frag-pcm.mp4": "-c:v libx264 -g 10 -c:a pcm_s16le -movflags frag_keyframe+empty_moov",
    "cmaf.mp4": "-c:v libx264 -g 10 -bf 2 -c:a aac -movflags cmaf+dash+global_sidx",
    "fast.mp4": "-c:v libx264 -c:a aac -movflags +faststart",
}
METADATA = ("-metadata", "location=+47.3769+008.5417/", "-metadata", "title=At home")


@pytest.fixture(scope="session")
def encode(tmp_path_factory: pytest.TempPathFactory, ffmpeg: str) -> Encode:
    """Returns encode(name, options): half a second of video and audio, encoded once per name."""
    directory = tmp_path_factory.mktemp("codecs")

    def run_ffmpeg(name: str, options: str, *more: str) -> Path:
        out = directory / name
        if not out.exists():
            video, audio = "testsrc2=s=160x96:r=30:d=0.5", "sine=997:d=0.5"
            sources = ["-f", "lavfi", "-i", video, "-f", "lavfi", "-i", audio]
            subprocess.run([ffmpeg, "-v", "error", *sources, *options.split(), *more, str(out)], check=True)
        return out

    return run_ffmpeg


def decoded(path: Path, ffmpeg: str) -> list[str]:
    argv = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:v", "-map", "0:a?", "-f", "framemd5", "-"]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line for line in lines if not line.startswith("#software")]


def with_samples(source: Path, out: Path, change: Callable[[bytes], bytes]) -> Path:
    """Writes a copy in which `change` is applied to every video sample."""
    with FileRanges(source) as src:
        movie = read_movie(src)
        track = movie.tracks[0]
        samples = [change(each) for each in iter_samples(src, track)]
    raw = out.with_suffix(".raw")
    raw.write_bytes(b"".join(samples))
    output_track = passthrough(movie, track, source)
    size = track.samples.size.copy()
    size[:] = [len(each) for each in samples]
    piece = Piece(source=raw, offset=size.cumsum() - size, size=size)
    write_mp4(out, [replace(output_track, pieces=(piece,))], timescale=movie.timescale, brand=movie.brand)
    return out


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_codec_keeps_its_frames_and_audio(
    encode: Encode, tmp_path: Path, ffmpeg: str, name: str
) -> None:
    source = encode(name, KINDS[name], *METADATA)
    out = tmp_path / name
    result = strip_location(source, out)
    assert result.removed
    data = out.read_bytes()
    assert b"47.376" not in data
    assert b"At home" not in data
    assert decoded(source, ffmpeg) == decoded(out, ffmpeg)
    again = strip_location(out, tmp_path / f"again-{name}")
    assert not again.removed
    assert (tmp_path / f"again-{name}").read_bytes() == data


@pytest.mark.parametrize("name", ["jpeg2000.mp4", "dv.mov", "ffv1.mp4"])
def test_video_in_an_unsupported_format_is_rejected_by_name(
    encode: Encode, tmp_path: Path, name: str
) -> None:
    options = {
        "jpeg2000.mp4": "-c:v jpeg2000",
        "dv.mov": "-c:v dvvideo -s 720x576 -r 25 -pix_fmt yuv420p",
        "ffv1.mp4": "-c:v ffv1",
    }
    source = encode(name, options[name], "-an")
    with pytest.raises(UnsupportedError, match=r"track 1 .*video.*cannot search") as rejected:
        strip_location(source, tmp_path / name)
    assert rejected.value.reason == "unsupported-video"
    assert "eddyline run" in rejected.value.remedy
    assert not (tmp_path / name).exists()


UUID = bytes(range(16))


def avc_sei(sample: bytes) -> bytes:
    """Prepends a user_data_unregistered message as written by dash cams."""
    unit = b"\x06\x05" + bytes([16 + len(NMEA)]) + UUID + NMEA + b"\x80"
    return struct.pack(">I", len(unit)) + unit + sample


def avc_private(sample: bytes) -> bytes:
    """Appends a NAL unit of an unspecified type."""
    unit = b"\x1e" + ISO_6709
    return sample + struct.pack(">I", len(unit)) + unit


def avc_captions(sample: bytes) -> bytes:
    """Prepends text in registered user data."""
    body = b"\xb5\0\x31GA94\x03" + ISO_6709
    unit = b"\x06\x04" + bytes([len(body)]) + body + b"\x80"
    return struct.pack(">I", len(unit)) + unit + sample


def hevc_suffix(sample: bytes) -> bytes:
    unit = b"\x50\x01\x05" + bytes([16 + len(NMEA)]) + UUID + NMEA + b"\x80"
    return sample + struct.pack(">I", len(unit)) + unit


def obu_metadata(sample: bytes) -> bytes:
    """Prepends a T.35 metadata OBU."""
    body = b"\x04\xb5\0\x31" + NMEA + b"\x80"
    return bytes([5 << 3 | 2, len(body)]) + body + sample


def jpeg_exif(sample: bytes) -> bytes:
    segment = struct.pack(">BBH", 0xFF, 0xE1, 2 + len(EXIF_GPS)) + EXIF_GPS
    comment = struct.pack(">BBH", 0xFF, 0xFE, 2 + len(NMEA)) + NMEA
    return sample[:2] + segment + comment + sample[2:] + ISO_6709


def png_text(sample: bytes) -> bytes:
    text = b"tEXt" + b"Comment\0" + ISO_6709
    return sample[:33] + struct.pack(">I", len(text) - 4) + text + bytes(4) + sample[33:] + NMEA


def mpeg_user_data(sample: bytes) -> bytes:
    return b"\0\0\1\xb2" + ISO_6709 + sample


def prores_tail(sample: bytes) -> bytes:
    return sample + NMEA


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("fast.mp4", avc_sei),
        ("fast.mp4", avc_private),
        ("fast.mp4", avc_captions),
        ("hevc.mp4", hevc_suffix),
        ("av1.mp4", obu_metadata),
        ("mjpeg.mov", jpeg_exif),
        ("png.mov", png_text),
        ("mpeg4.mp4", mpeg_user_data),
        ("prores.mov", prores_tail),
    ],
)
def test_user_data_in_samples_is_removed(
    encode: Encode, tmp_path: Path, ffmpeg: str, name: str, change: Callable[[bytes], bytes]
) -> None:
    source = encode(name, KINDS[name], *METADATA)
    plain = with_samples(source, tmp_path / f"plain-{name}", lambda sample: sample)
    hidden = with_samples(source, tmp_path / f"hidden-{name}", change)
    result = strip_location(hidden, tmp_path / name)
    strip_location(plain, tmp_path / f"stripped-{name}")
    data = (tmp_path / name).read_bytes()
    assert b"47.376" not in data
    assert b"$GPRMC" not in data
    assert b"Exif" not in data
    assert any(each.what.startswith("track 1: ") and each.count >= 15 for each in result.removed)
    assert data == (tmp_path / f"stripped-{name}").read_bytes()
    assert decoded(tmp_path / name, ffmpeg) == decoded(plain, ffmpeg)


@pytest.mark.parametrize("where", [b"moof", b"traf", b"mvex"])
def test_unknown_boxes_in_fragments_are_removed(
    encode: Encode, tmp_path: Path, ffmpeg: str, where: bytes
) -> None:
    source = encode("frag.mp4", KINDS["frag.mp4"], *METADATA)
    data = source.read_bytes()
    extra = box(b"uuid", UUID, ISO_6709) + box(b"free", NMEA)
    if where == b"mvex":
        parent = next(each for each in boxes(data) if each.path[-1] == b"mvex")
        changed = insert_bytes(data, parent.end, extra, within=enclosing(data, parent))
    else:
        changed = _in_fragments(data, extra, inside=where == b"traf")
    hidden = tmp_path / "in.mp4"
    hidden.write_bytes(changed)
    assert decoded(hidden, ffmpeg) == decoded(source, ffmpeg)
    result = strip_location(hidden, tmp_path / "out.mp4")
    assert any("uuid" in each.what for each in result.removed)
    strip_location(source, tmp_path / "plain.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "plain.mp4").read_bytes()


def _in_fragments(data: bytes, extra: bytes, *, inside: bool) -> bytes:
    """Appends boxes to each moof or to its first traf; increases the trun data offsets, relative to moof."""
    out = b""
    for span in (each for each in boxes(data) if len(each.path) == 1):
        part = bytearray(data[span.start : span.end])
        if span.path == (b"moof",):
            at = part.index(b"traf")
            end = at - 4 + int.from_bytes(part[at - 4 : at], "big") if inside else len(part)
            if inside:
                part[at - 4 : at] = (int.from_bytes(part[at - 4 : at], "big") + len(extra)).to_bytes(4, "big")
            part[end:end] = extra
            part[:4] = len(part).to_bytes(4, "big")
            run = part.find(b"trun")
            while run >= 0:
                offset = int.from_bytes(part[run + 12 : run + 16], "big") + len(extra)
                part[run + 12 : run + 16] = offset.to_bytes(4, "big")
                run = part.find(b"trun", run + 4)
        out += bytes(part)
    return out
