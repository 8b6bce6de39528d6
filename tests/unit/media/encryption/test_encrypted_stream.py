"""Encrypted streams: FFmpeg plays them with the key, the verification finds changes, equal runs are equal."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.unit.media.streaming.test_package import rendition, rung

from eddyline.core.errors import ProofError
from eddyline.core.processes.runner import Runner
from eddyline.media.encryption import encrypted_stream, segment_encryption
from eddyline.media.encryption.aes import cbc_decrypt, require_aes
from eddyline.media.encryption.content_keys import ContentKey, StreamEncryption
from eddyline.media.encryption.hls_keys import sample_key_tag
from eddyline.media.encryption.sample_decryption import SampleDecryption
from eddyline.media.encryption.verify_decryption import verify_decryption
from eddyline.media.ladder.chunks import frame_grid
from eddyline.media.streaming.durations import stream_durations
from eddyline.media.streaming.package import PackagedStream, package
from eddyline.media.toolchain import Toolchain
from eddyline.mp4.entries.protection import Protection, read_protection
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

FPS = 30
VIDEO = ContentKey(key_id=bytes(range(16)), key=bytes(range(16, 32)), uri="https://keys.example/v")
AUDIO = ContentKey(key_id=bytes(range(32, 48)), key=bytes(range(48, 64)), uri="skd://audio")
GRID = frame_grid(gop_s=1.0, segment_s=2.0, fps=FPS, steps=[1])  # type: ignore[arg-type]


def _encryption(scheme: str) -> StreamEncryption:
    return StreamEncryption(scheme=scheme, context="plan", keys={"video": VIDEO, "audio": AUDIO})


@pytest.fixture(scope="module")
def renditions(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three seconds in H.264 with AAC, in HEVC and in AV1."""
    folder = tmp_path_factory.mktemp("renditions")
    return [
        rendition(ffmpeg, folder / f"{codec}.mp4", fps=FPS, frames=90, gop=30, codec=codec,  # type: ignore[arg-type]
                  audio_inputs=(("sine=f=440:r=48000", 3.0, "eng"),))
        for codec in ("h264", "hevc", "av1")
    ]  # fmt: skip


@pytest.fixture(scope="module")
def clear(renditions: list[Path], tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the first rendition's stream in the clear."""
    out = tmp_path_factory.mktemp("clear")
    package([(rung("h264"), renditions[0])], GRID, tools=tools, runner=Runner(), out_dir=out)
    return out


def _package(tools: Toolchain, out: Path, paths: list[Path], scheme: str) -> PackagedStream:
    rungs = [rung(path.stem, path.stem) for path in paths]
    pairs = list(zip(rungs, paths, strict=True))
    return package(pairs, GRID, tools=tools, runner=Runner(), out_dir=out, encryption=_encryption(scheme))


@pytest.fixture(scope="module", params=["cbcs", "cenc"])
def encrypted(
    request: pytest.FixtureRequest,
    tools: Toolchain,
    renditions: list[Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path, PackagedStream]:
    """The scheme, the directory and the stream."""
    out = tmp_path_factory.mktemp(request.param)
    return request.param, out, _package(tools, out, renditions, request.param)


def _joined(out: Path, name: str) -> Path:
    folder, path = out / "stream" / name, out / f"{name}.mp4"
    parts = [folder / "init.mp4", *sorted(folder.glob("*.m4s"))]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def _decode(ffmpeg: str, path: Path, *options: str, kind: str = "v") -> str:
    argv = [ffmpeg, "-v", "quiet", *options, "-i", str(path), "-map", f"0:{kind}:0", "-f", "md5", "-"]
    return subprocess.run(argv, check=False, capture_output=True, text=True).stdout


def test_ffmpeg_decodes_the_same_frames_with_the_key_and_not_without(
    encrypted: tuple[str, Path, PackagedStream], renditions: list[Path], clear: Path, ffmpeg: str
) -> None:
    _, out, _ = encrypted
    for path in renditions:
        joined, expected = _joined(out, path.stem), _decode(ffmpeg, path)
        assert _decode(ffmpeg, joined, "-decryption_key", VIDEO.key.hex()) == expected
        assert _decode(ffmpeg, joined) != expected
        assert _decode(ffmpeg, joined, "-decryption_key", AUDIO.key.hex()) != expected
    joined, expected = _joined(out, "audio-1"), _decode(ffmpeg, _joined(clear, "audio-1"), kind="a")
    assert _decode(ffmpeg, joined, "-decryption_key", AUDIO.key.hex(), kind="a") == expected


def test_init_segments_declare_scheme_and_key_id(encrypted: tuple[str, Path, PackagedStream]) -> None:
    scheme, out, _ = encrypted
    for name, key in (("h264", VIDEO), ("hevc", VIDEO), ("av1", VIDEO), ("audio-1", AUDIO)):
        with FileRanges(out / "stream" / name / "init.mp4") as init:
            found = read_protection(read_movie(init).tracks[0].stsd)
        assert found is not None
        assert (found.scheme, found.key_id) == (scheme, key.key_id)
        assert found.iv_size == (8 if scheme == "cenc" else 0)


def test_the_mpd_has_the_key_ids(encrypted: tuple[str, Path, PackagedStream]) -> None:
    scheme, out, packaged = encrypted
    text = (out / packaged.dash).read_text()
    ids = set(re.findall(r'cenc:default_KID="([^"]*)"', text))
    assert {each.replace("-", "") for each in ids} == {VIDEO.key_id.hex(), AUDIO.key_id.hex()}
    assert text.count(f'value="{scheme}" schemeIdUri="urn:mpeg:dash:mp4protection:2011"') == 4


def test_hls_has_a_key_in_every_playlist_with_cbcs_and_is_absent_with_cenc(
    encrypted: tuple[str, Path, PackagedStream],
) -> None:
    scheme, out, packaged = encrypted
    stream = out / "stream"
    if scheme == "cenc":
        assert packaged.hls == ""
        assert not list(stream.rglob("*.m3u8"))
        assert set(stream_durations(stream).dash.values()) == {3.0}
        return
    for name in ("h264/main", "h264/iframes", "av1/main"):
        text = (stream / f"{name}.m3u8").read_text()
        vector = _encryption(scheme).initialization_vector(name.partition("/")[0], "video").hex()
        tag = f'METHOD=SAMPLE-AES,URI="{VIDEO.uri}",KEYFORMAT="identity",IV=0x{vector}'
        assert text.count(f"#EXT-X-KEY:{tag}\n") == text.count("#EXT-X-KEY") == 1
    fairplay = 'URI="skd://audio",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"'
    assert f"#EXT-X-KEY:METHOD=SAMPLE-AES,{fairplay}\n" in (stream / "audio-1" / "main.m3u8").read_text()
    master = (out / packaged.hls).read_text()
    assert re.findall("#EXT-X-SESSION-KEY:(.*)", master) == [
        f'METHOD=SAMPLE-AES,URI="{VIDEO.uri}",KEYFORMAT="identity"',
        f"METHOD=SAMPLE-AES,{fairplay}",
    ]
    assert sample_key_tag(_encryption(scheme), "audio-1", "audio") == f"METHOD=SAMPLE-AES,{fairplay}"


def test_no_file_contains_a_key(encrypted: tuple[str, Path, PackagedStream]) -> None:
    _, out, packaged = encrypted
    data = b"".join((out / name).read_bytes() for name in packaged.files)
    for key in (VIDEO.key, AUDIO.key):
        assert key not in data
        assert key.hex().encode() not in data


def test_equal_runs_write_equal_bytes(
    encrypted: tuple[str, Path, PackagedStream], renditions: list[Path], tools: Toolchain, tmp_path: Path
) -> None:
    scheme, out, first = encrypted
    again = _package(tools, tmp_path, renditions, scheme)
    assert again == first
    for name in first.files:
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes(), name


@pytest.mark.parametrize("part", ["media", "end", "clear", "key"])
def test_the_verification_finds_what_does_not_decrypt_to_the_rendition(
    encrypted: tuple[str, Path, PackagedStream], renditions: list[Path], tmp_path: Path, part: str
) -> None:
    scheme, out, _ = encrypted
    encryption, folder = _encryption(scheme), tmp_path / "h264"
    folder.mkdir()
    for path in (out / "stream" / "h264").glob("*.m*4*"):
        (folder / path.name).write_bytes(path.read_bytes())
    rendition = renditions[0]
    verify_decryption(folder, "video", rendition, encryption)
    if part == "media":
        segment = folder / "00001.m4s"
        data = bytearray(segment.read_bytes())
        data[-9] ^= 1
        segment.write_bytes(data)
    elif part == "end":
        (folder / "00002.m4s").unlink()
    elif part == "clear":
        encryption = _encryption("cenc" if scheme == "cbcs" else "cbcs")
    else:
        encryption = StreamEncryption(
            scheme=scheme,
            context="plan",
            keys={"video": ContentKey(key_id=VIDEO.key_id, key=AUDIO.key), "audio": AUDIO},
        )
    with pytest.raises(ProofError):
        verify_decryption(folder, "video", rendition, encryption)


def test_a_stream_in_the_clear_does_not_pass_as_encrypted(renditions: list[Path], clear: Path) -> None:
    stream = clear / "stream"
    with pytest.raises(ProofError, match="does not declare"):
        encrypted_stream.finish_encryption(
            stream, {"h264": renditions[0]}, {"h264": "video"}, _encryption("cbcs")
        )


def test_aes_128_encrypts_whole_segments_by_their_number(
    renditions: list[Path], clear: Path, tools: Toolchain, tmp_path: Path
) -> None:
    require_aes()
    out = tmp_path
    packaged = _package(tools, out, renditions[:1], "aes-128")
    assert packaged.dash == ""
    for name, key in (("h264", VIDEO), ("audio-1", AUDIO)):
        folder = out / "stream" / name
        assert (folder / "init.mp4").read_bytes() == (clear / "stream" / name / "init.mp4").read_bytes()
        for number, segment in enumerate(sorted(folder.glob("*.m4s"))):
            padded = cbc_decrypt(key.key, number.to_bytes(16, "big"), segment.read_bytes())
            original = (clear / "stream" / name / segment.name).read_bytes()
            assert padded[: -padded[-1]] == original
            assert 1 <= padded[-1] <= 16
        text = (folder / "main.m3u8").read_text()
        assert f'init.mp4"\n#EXT-X-KEY:METHOD=AES-128,URI="{key.uri}"\n#EXTINF' in text
    master = (out / packaged.hls).read_text()
    assert "I-FRAME" not in master
    assert not list(out.rglob("iframes.m3u8"))


def test_aes_128_is_verified_by_decryption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    segment = tmp_path / "00001.m4s"
    segment.write_bytes(b"segment")
    monkeypatch.setattr(segment_encryption, "cbc_encrypt", lambda *_: bytes(16))
    with pytest.raises(ProofError, match="differs"):
        segment_encryption._encrypt(segment, VIDEO.key, 0)


@pytest.mark.parametrize(
    ("table", "message"),
    [("00010000", "ranges in 4 bytes"), ("00010001" + "000000ff", "have 256 bytes, the sample 64")],
)
def test_ranges_that_exceed_a_sample_are_refused(table: str, message: str) -> None:
    protection = Protection(format="avc1", scheme="cbcs", key_id=b"", iv_size=0, constant_iv=bytes(16))
    decryption = SampleDecryption(protection=protection, key=VIDEO.key)
    with pytest.raises(ProofError, match=message):
        decryption.decrypt(bytes(64), bytes.fromhex(table), has_ranges=True)
