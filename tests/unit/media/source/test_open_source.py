"""Each kind of unusable file is rejected with its own message and remedy, before FFmpeg opens it."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.errors import InputError, MissingError, UnsupportedError
from eddyline.core.processes.runner import Runner
from eddyline.media.source.open_source import OpenSource, open_source
from eddyline.media.source.probe import probe
from eddyline.media.source.sniff import HEAD_BYTES, detect_container, sniff
from eddyline.media.toolchain import Toolchain
from eddyline.store.ranges import FileRanges


@pytest.fixture(scope="module")
def valid_mp4(tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A valid MP4 with its index after the media."""
    out = tmp_path_factory.mktemp("valid") / "valid.mp4"
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=0.4", "-f", "lavfi", "-i", "sine=997:d=0.4")
    _ffmpeg(tools, *inputs, "-c:v", "libx264", "-c:a", "aac", "-shortest", str(out))
    return out.read_bytes()


def _ffmpeg(tools: Toolchain, *argv: str) -> None:
    subprocess.run([tools.ffmpeg, "-v", "error", "-y", *argv], check=True, capture_output=True)


def _open(path: Path, tools: Toolchain) -> OpenSource:
    opened = open_source(path, work=path.parent, runner=Runner(), tools=tools)
    with FileRanges(opened.path) as src:
        probe(src, opened.movie, runner=Runner(), tools=tools, work=path.parent)
    return opened


def _rejected(path: Path, tools: Toolchain) -> InputError:
    with pytest.raises(InputError) as caught:
        _open(path, tools)
    assert caught.value.remedy
    return caught.value


def test_the_valid_file_is_accepted(tmp_path: Path, tools: Toolchain, valid_mp4: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(valid_mp4)
    assert _open(path, tools).container == "mp4"


_BY_FIRST_BYTES = [
    ("empty", b"", "empty"),
    ("zeros", bytes(5000), "zeros instead of a header"),
    ("text", b"Dear diary,\ntoday the river was high.\n", "text, not a video"),
    ("text cut in a character", "ä".encode() * HEAD_BYTES, "text, not a video"),
    ("HLS", b"#EXTM3U\n#EXTINF:4,\nhttp://10.0.0.1/secret.ts\n", "HLS or M3U playlist"),
    ("HLS with mark", b"\xef\xbb\xbf#EXTM3U\nfile:///etc/passwd\n", "HLS or M3U playlist"),
    ("concat", b"ffconcat version 1.0\nfile '/etc/passwd'\n", "concat list"),
    ("concat without header", b"file /etc/passwd\n", "concat list"),
    ("DASH", b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">', "DASH manifest"),
    ("PLS", b"[playlist]\nFile1=http://example.org/\n", "playlist"),
    ("SMIL", b"<smil><body/></smil>", "playlist"),
    ("SDP", b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "SDP"),
    ("link", b"rtsp://camera.local/stream\n", "link"),
    ("JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF", "still image (JPEG)"),
    ("PNG", b"\x89PNG\r\n\x1a\n", "still image (PNG)"),
    ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "still image (HEIC)"),
    ("camera raw", b"II*\0\x08\0\0\0", "camera raw"),
    ("WAV", b"RIFF\0\0\0\0WAVEfmt ", "audio but no video (WAV)"),
    ("MP3", b"ID3\x04\0\0\0\0\0\0", "audio but no video (MP3)"),
    ("FLAC", b"fLaC\0\0\0\x22", "audio but no video (FLAC)"),
    ("segment", b"\0\0\0\x18stypmsdh\0\0\0\0msdhmsix", "one segment of a stream"),
    ("raw H.264", b"\0\0\0\x01\x67\x42\0\x1f", "raw video stream"),
    ("GPMF", b"DEVC\0\x01\x02\x03", "raw GPMF telemetry"),
    ("ZIP", b"PK\x03\x04\x14\0", "ZIP archive"),
    ("noise", bytes(range(128, 256)) * 9, "not a supported video container"),
]


@pytest.mark.parametrize(
    ("content", "message"), [row[1:] for row in _BY_FIRST_BYTES], ids=lambda row: str(row)[:24]
)
def test_the_message_identifies_the_file_by_its_first_bytes(
    tmp_path: Path, tools: Toolchain, content: bytes, message: str
) -> None:
    path = tmp_path / "video.mp4"  # the extension does not matter
    path.write_bytes(content)
    assert message in _rejected(path, tools).message


def test_messages_and_remedies_differ_between_kinds() -> None:
    texts = {}
    for name, content, _ in _BY_FIRST_BYTES:
        with pytest.raises(InputError) as caught:
            detect_container(content[:HEAD_BYTES])
        texts[name] = (caught.value.message, caught.value.remedy)
    same_kind = {"text cut in a character", "HLS with mark", "concat without header", "SMIL"}
    distinct = [text for name, text in texts.items() if name not in same_kind]
    assert len(set(distinct)) == len(distinct)


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"\0\0\0\x18ftypmp42", "mp4"),
        (b"\0\0\0\x14ftypqt  ", "mov"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
        (b"\x1aE\xdf\xa3\x01", "matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"G" + bytes(187) + b"G" + bytes(187) + b"G" + bytes(187), "mpegts"),
        (bytes(100) + (b"G" + bytes(187)) * 9, "mpegts"),
        (bytes(4) + b"G" + bytes(191) + b"G" + bytes(191) + b"G" + bytes(191), "mpegts"),
        (b"\0\0\x01\xba\x44", "mpeg"),
        (b"FLV\x01\x05", "flv"),
    ],
)
def test_containers_are_detected_by_their_first_bytes(head: bytes, container: str) -> None:
    assert detect_container(head) == container
    assert sniff(head) == ("mp4" if container in {"mp4", "mov"} else "remux")


@given(st.binary(max_size=600))
def test_any_bytes_are_a_container_or_rejected_with_a_remedy(head: bytes) -> None:
    try:
        assert detect_container(head)
    except InputError as error:
        assert error.remedy  # noqa: PT017 - either outcome is right


def test_a_missing_source_file_is_a_missing_error(tmp_path: Path, tools: Toolchain) -> None:
    with pytest.raises(MissingError):
        _open(tmp_path / "missing.mp4", tools)


def test_a_directory_is_rejected(tmp_path: Path, tools: Toolchain) -> None:
    assert "directory" in _rejected(tmp_path, tools).message


def test_an_interrupted_recording_without_an_index_is_rejected(
    tmp_path: Path, tools: Toolchain, valid_mp4: bytes
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(valid_mp4[: valid_mp4.index(b"moov") - 4])
    error = _rejected(path, tools)
    assert "interrupted" in error.message
    assert "repair" in error.remedy


def test_a_file_cut_within_its_media_is_truncated(tmp_path: Path, tools: Toolchain, valid_mp4: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(valid_mp4[: valid_mp4.index(b"mdat") + 300])
    error = _rejected(path, tools)
    assert "bytes are missing" in error.message
    assert "copy the file again" in error.remedy


def test_a_file_with_its_index_first_cut_within_its_media_is_truncated(
    tmp_path: Path, tools: Toolchain, valid_mp4: bytes
) -> None:
    complete, path = tmp_path / "whole.mp4", tmp_path / "a.mp4"
    complete.write_bytes(valid_mp4)
    _ffmpeg(tools, "-i", str(complete), "-c", "copy", "-movflags", "+faststart", str(path))
    path.write_bytes(path.read_bytes()[:-200])
    error = _rejected(path, tools)
    assert "copy the file again" in error.remedy


def test_an_mp4_with_audio_only_is_rejected(tmp_path: Path, tools: Toolchain) -> None:
    path = tmp_path / "a.m4a"
    _ffmpeg(tools, "-f", "lavfi", "-i", "sine=997:d=0.2", str(path))
    assert "audio but no video" in _rejected(path, tools).message


def test_an_encrypted_source_is_rejected(tmp_path: Path, tools: Toolchain, valid_mp4: bytes) -> None:
    complete, path = tmp_path / "whole.mp4", tmp_path / "a.mp4"
    complete.write_bytes(valid_mp4)
    key = ("-encryption_key", "0" * 31 + "1", "-encryption_kid", "0" * 31 + "2")
    _ffmpeg(tools, "-i", str(complete), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", *key, str(path))
    error = _rejected(path, tools)
    assert "encrypted" in error.message
    assert "unprotected copy" in error.remedy


@pytest.mark.parametrize("side", [16_386, 65_535])
def test_excessive_dimensions_in_the_header_are_rejected(
    tmp_path: Path, tools: Toolchain, valid_mp4: bytes, side: int
) -> None:
    path = tmp_path / "a.mp4"
    at = (
        valid_mp4.index(b"avc1", valid_mp4.index(b"stsd")) + 4 + 24
    )  # VisualSampleEntry: 24 bytes before its width
    assert struct.unpack(">HH", valid_mp4[at : at + 4]) == (160, 90)
    path.write_bytes(valid_mp4[:at] + struct.pack(">HH", side, side) + valid_mp4[at + 4 :])
    error = _rejected(path, tools)
    assert f"{side}x{side}" in error.message


def test_an_excessive_frame_count_in_the_header_is_rejected(
    tmp_path: Path, tools: Toolchain, valid_mp4: bytes
) -> None:
    path = tmp_path / "a.mp4"
    at = valid_mp4.index(b"stsz") + 4 + 4  # one size for all samples, and 2^32 - 1 samples
    path.write_bytes(valid_mp4[:at] + struct.pack(">II", 1, 0xFFFFFFFF) + valid_mp4[at + 8 :])
    assert "samples" in _rejected(path, tools).message


def test_a_damaged_first_frame_is_an_input_error(tmp_path: Path, tools: Toolchain, valid_mp4: bytes) -> None:
    path = tmp_path / "a.mp4"
    at = valid_mp4.index(b"avcC") + 4
    path.write_bytes(valid_mp4[:at] + b"\xff" * 24 + valid_mp4[at + 24 :])
    assert "h264 stream is damaged" in _rejected(path, tools).message


def test_a_video_without_a_decoder_is_unsupported(tmp_path: Path, tools: Toolchain, valid_mp4: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(valid_mp4.replace(b"avc1", b"xyz1").replace(b"avcC", b"xyzC"))
    with pytest.raises(UnsupportedError, match="'xyz1'") as caught:
        _open(path, tools)
    assert caught.value.remedy
