"""Every kind of bad footage is refused in its own words, with its own remedy, before FFmpeg is asked."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.core.errors import InputError, MissingError, UnsupportedError
from eddyline.core.process import Runner
from eddyline.media.source.open_source import OpenSource, open_source
from eddyline.media.source.probe import probe
from eddyline.media.source.sniff import HEAD_BYTES, detect_container, sniff
from eddyline.media.toolchain import Toolchain
from eddyline.store.ranges import FileRanges


@pytest.fixture(scope="module")
def sound(tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A sound MP4 with its index behind the media."""
    out = tmp_path_factory.mktemp("sound") / "sound.mp4"
    inputs = ("-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=0.4", "-f", "lavfi", "-i", "sine=997:d=0.4")
    _ffmpeg(tools, *inputs, "-c:v", "libx264", "-c:a", "aac", "-shortest", str(out))
    return out.read_bytes()


def _ffmpeg(tools: Toolchain, *argv: str) -> None:
    subprocess.run([tools.ffmpeg, "-v", "error", "-y", *argv], check=True, capture_output=True)


def _open(path: Path, tools: Toolchain) -> OpenSource:
    footage = open_source(path, work=path.parent, runner=Runner(), tools=tools)
    with FileRanges(footage.path) as src:
        probe(src, footage.movie, runner=Runner(), tools=tools, work=path.parent)
    return footage


def _refused(path: Path, tools: Toolchain) -> InputError:
    with pytest.raises(InputError) as caught:
        _open(path, tools)
    assert caught.value.remedy
    return caught.value


def test_the_sound_file_itself_is_accepted(tmp_path: Path, tools: Toolchain, sound: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(sound)
    assert _open(path, tools).container == "mp4"


_BY_FIRST_BYTES = [
    ("empty", b"", "empty"),
    ("zeros", bytes(5000), "only zeros"),
    ("text", b"Dear diary,\ntoday the river was high.\n", "text, not footage"),
    ("text cut in a character", "ä".encode() * HEAD_BYTES, "text, not footage"),
    ("HLS", b"#EXTM3U\n#EXTINF:4,\nhttp://10.0.0.1/secret.ts\n", "HLS or M3U playlist"),
    ("HLS with mark", b"\xef\xbb\xbf#EXTM3U\nfile:///etc/passwd\n", "HLS or M3U playlist"),
    ("concat", b"ffconcat version 1.0\nfile '/etc/passwd'\n", "concat list"),
    ("concat without header", b"file /etc/passwd\n", "concat list"),
    ("DASH", b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011">', "DASH manifest"),
    ("PLS", b"[playlist]\nFile1=http://example.org/\n", "playlist"),
    ("SMIL", b"<smil><body/></smil>", "playlist"),
    ("SDP", b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "SDP"),
    ("link", b"rtsp://camera.local/stream\n", "link"),
    ("JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF", "still picture (JPEG)"),
    ("PNG", b"\x89PNG\r\n\x1a\n", "still picture (PNG)"),
    ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "still picture (HEIC)"),
    ("camera raw", b"II*\0\x08\0\0\0", "camera raw"),
    ("WAV", b"RIFF\0\0\0\0WAVEfmt ", "sound alone (WAV)"),
    ("MP3", b"ID3\x04\0\0\0\0\0\0", "sound alone (MP3)"),
    ("FLAC", b"fLaC\0\0\0\x22", "sound alone (FLAC)"),
    ("segment", b"\0\0\0\x18stypmsdh\0\0\0\0msdhmsix", "one segment of a stream"),
    ("raw H.264", b"\0\0\0\x01\x67\x42\0\x1f", "raw video stream"),
    ("GPMF", b"DEVC\0\x01\x02\x03", "raw GPMF telemetry"),
    ("ZIP", b"PK\x03\x04\x14\0", "ZIP archive"),
    ("noise", bytes(range(128, 256)) * 9, "no video format"),
]


@pytest.mark.parametrize(
    ("content", "words"), [row[1:] for row in _BY_FIRST_BYTES], ids=lambda row: str(row)[:24]
)
def test_the_first_bytes_tell_what_it_is_instead(
    tmp_path: Path, tools: Toolchain, content: bytes, words: str
) -> None:
    path = tmp_path / "footage.mp4"  # the name lies, as names do
    path.write_bytes(content)
    assert words in _refused(path, tools).message


def test_no_two_of_them_share_their_words() -> None:
    said = {}
    for name, content, _ in _BY_FIRST_BYTES:
        with pytest.raises(InputError) as caught:
            detect_container(content[:HEAD_BYTES])
        said[name] = (caught.value.message, caught.value.remedy)
    same_kind = {"text cut in a character", "HLS with mark", "concat without header", "SMIL"}
    own = [words for name, words in said.items() if name not in same_kind]
    assert len(set(own)) == len(own)


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
def test_containers_are_told_by_their_first_bytes(head: bytes, container: str) -> None:
    assert detect_container(head) == container
    assert sniff(head) == ("mp4" if container in {"mp4", "mov"} else "remux")


@given(st.binary(max_size=600))
def test_any_bytes_are_a_container_or_refused_with_a_remedy(head: bytes) -> None:
    try:
        assert detect_container(head)
    except InputError as error:
        assert error.remedy  # noqa: PT017 - either outcome is right


def test_a_file_that_vanished_may_come_back(tmp_path: Path, tools: Toolchain) -> None:
    with pytest.raises(MissingError):
        _open(tmp_path / "gone.mp4", tools)


def test_a_folder_is_not_footage(tmp_path: Path, tools: Toolchain) -> None:
    assert "folder" in _refused(tmp_path, tools).message


def test_an_interrupted_recording_has_media_and_no_index(
    tmp_path: Path, tools: Toolchain, sound: bytes
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(sound[: sound.index(b"moov") - 4])
    error = _refused(path, tools)
    assert "interrupted" in error.message
    assert "repair" in error.remedy


def test_a_file_cut_within_its_media_is_truncated(tmp_path: Path, tools: Toolchain, sound: bytes) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(sound[: sound.index(b"mdat") + 300])
    error = _refused(path, tools)
    assert "bytes are missing" in error.message
    assert "copy the file again" in error.remedy


def test_a_file_with_its_index_first_cut_within_its_media_is_truncated(
    tmp_path: Path, tools: Toolchain, sound: bytes
) -> None:
    whole, path = tmp_path / "whole.mp4", tmp_path / "a.mp4"
    whole.write_bytes(sound)
    _ffmpeg(tools, "-i", str(whole), "-c", "copy", "-movflags", "+faststart", str(path))
    path.write_bytes(path.read_bytes()[:-200])
    error = _refused(path, tools)
    assert "copy the file again" in error.remedy


def test_sound_alone_in_mp4_is_refused(tmp_path: Path, tools: Toolchain) -> None:
    path = tmp_path / "a.m4a"
    _ffmpeg(tools, "-f", "lavfi", "-i", "sine=997:d=0.2", str(path))
    assert "sound alone" in _refused(path, tools).message


def test_encrypted_footage_is_refused(tmp_path: Path, tools: Toolchain, sound: bytes) -> None:
    whole, path = tmp_path / "whole.mp4", tmp_path / "a.mp4"
    whole.write_bytes(sound)
    key = ("-encryption_key", "0" * 31 + "1", "-encryption_kid", "0" * 31 + "2")
    _ffmpeg(tools, "-i", str(whole), "-c", "copy", "-encryption_scheme", "cenc-aes-ctr", *key, str(path))
    error = _refused(path, tools)
    assert "encrypted" in error.message
    assert "unprotected copy" in error.remedy


@pytest.mark.parametrize("side", [16_386, 65_535])
def test_absurd_dimensions_in_the_header_are_refused(
    tmp_path: Path, tools: Toolchain, sound: bytes, side: int
) -> None:
    path = tmp_path / "a.mp4"
    at = sound.index(b"avc1", sound.index(b"stsd")) + 4 + 24  # VisualSampleEntry: 24 bytes before its width
    assert struct.unpack(">HH", sound[at : at + 4]) == (160, 90)
    path.write_bytes(sound[:at] + struct.pack(">HH", side, side) + sound[at + 4 :])
    error = _refused(path, tools)
    assert f"{side}x{side}" in error.message


def test_absurd_frame_counts_in_the_header_are_refused(
    tmp_path: Path, tools: Toolchain, sound: bytes
) -> None:
    path = tmp_path / "a.mp4"
    at = sound.index(b"stsz") + 4 + 4  # one size for all, and 2^32 - 1 of them
    path.write_bytes(sound[:at] + struct.pack(">II", 1, 0xFFFFFFFF) + sound[at + 8 :])
    assert "samples" in _refused(path, tools).message


def test_damage_in_the_first_frames_is_the_footages_fault(
    tmp_path: Path, tools: Toolchain, sound: bytes
) -> None:
    path = tmp_path / "a.mp4"
    at = sound.index(b"avcC") + 4
    path.write_bytes(sound[:at] + b"\xff" * 24 + sound[at + 24 :])
    assert "h264 stream is damaged" in _refused(path, tools).message


def test_a_picture_that_no_decoder_knows_is_unsupported(
    tmp_path: Path, tools: Toolchain, sound: bytes
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(sound.replace(b"avc1", b"xyz1").replace(b"avcC", b"xyzC"))
    with pytest.raises(UnsupportedError, match="'xyz1'") as caught:
        _open(path, tools)
    assert caught.value.remedy
