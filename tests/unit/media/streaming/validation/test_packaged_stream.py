"""What the packager wrote violates no MUST; damage to its files is found."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from tests.unit.media.streaming.test_package import TONE, rendition, rung

from eddyline.core.processes.runner import Runner
from eddyline.media.encryption.content_keys import ContentKey, StreamEncryption
from eddyline.media.ladder.chunks import frame_grid
from eddyline.media.streaming.package import package
from eddyline.media.streaming.validation.files import LocalFiles
from eddyline.media.streaming.validation.load import load_stream
from eddyline.media.streaming.validation.measure import choose, measure_stream
from eddyline.media.streaming.validation.rule import Level
from eddyline.media.streaming.validation.validate import validate_directory
from eddyline.media.subtitles.cues import Cue, Subtitles
from eddyline.media.toolchain import Toolchain

CODECS = ("h264", "hevc", "av1")
FPS = Fraction(30)


@pytest.fixture(scope="module")
def packaged(ffmpeg: str, tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stream of 5 s in three codecs, with audio and subtitles: segments of 2 s, 2 s and 1 s."""
    out = tmp_path_factory.mktemp("packaged")
    audio = ((TONE, 5.0, "und"),)
    paths = [
        rendition(ffmpeg, out / f"{codec}.mp4", fps=FPS, frames=150, gop=30, codec=codec, audio_inputs=audio)
        for codec in CODECS
    ]
    cues = (Cue(start=1000, end=2000, text="Hello"),)
    package(
        [(rung(codec, codec), path) for codec, path in zip(CODECS, paths, strict=True)],
        frame_grid(gop_s=1.0, segment_s=2.0, fps=FPS),
        tools=tools,
        runner=Runner(),
        out_dir=out,
        subtitles=[Subtitles(language="eng", title="", default=True, forced=False, cues=cues)],
    )
    return out / "stream"


def test_a_packaged_stream_violates_no_must(packaged: Path) -> None:
    report = validate_directory(packaged)
    assert [each.rule.id for each in report.violated] == []
    assert report.segments == 3 * (3 + 5) + 3 + 1  # video, I-frames, audio, subtitles of the MPD
    assert report.notes == ()
    # Recommendations that this tiny stream does not follow.
    assert {each.rule.id for each in report.findings} <= {
        *("APPLE-7.5", "APPLE-7.6", "APPLE-1.23", "APPLE-1.33", "APPLE-1.4", "APPLE-1.30"),
    }


def test_codec_strings_of_sample_entries_are_those_of_the_packager(packaged: Path) -> None:
    files = LocalFiles(packaged)
    stream, _ = measure_stream(files, load_stream(files, ("master.m3u8",)), None)
    for variant in stream.variants:
        assert variant.playlist is not None
        entry = stream.tracks[variant.playlist.name].entry
        assert entry is not None
        stated = variant.codecs[0].text
        assert stated.startswith(entry.codec)
        assert (entry.kind, entry.tracks, entry.entries) == ("video", 1, 1)
        assert f"{entry.width}x{entry.height}" == variant.get("RESOLUTION")


def truncate(name: str) -> Callable[[Path], object]:
    return lambda stream: (stream / name).write_bytes((stream / name).read_bytes()[:-500])


def replace(name: str, old: bytes, new: bytes) -> Callable[[Path], object]:
    def apply(stream: Path) -> None:
        data = (stream / name).read_bytes()
        assert old in data
        (stream / name).write_bytes(data.replace(old, new, 1))

    return apply


def copy(source: str, target: str) -> Callable[[Path], object]:
    return lambda stream: (stream / target).write_bytes((stream / source).read_bytes())


SEGMENT, MASTER, H264 = "h264/00002.m4s", "master.m3u8", "h264/main.m3u8"
Damage = tuple[Callable[[Path], object], str, str]
DAMAGE: dict[str, Damage] = {
    "a missing segment": (lambda stream: (stream / SEGMENT).unlink(), "RFC8216-6.2.1:segments", H264),
    "an empty segment": (lambda stream: (stream / SEGMENT).write_bytes(b""), "RFC8216-6.2.1:segments", H264),
    "a truncated segment": (truncate("h264/00003.m4s"), "RFC8216-3.3", H264),
    "a segment twice": (copy("h264/00001.m4s", SEGMENT), "APPLE-7.3", H264),
    "a missing init segment": (
        lambda stream: (stream / "hevc/init.mp4").unlink(),
        "RFC8216-6.2.1:segments",
        "hevc/main.m3u8",
    ),
    "no init segment": (copy("h264/00001.m4s", "h264/init.mp4"), "RFC8216-3.3", H264),
    "another codec": (replace(MASTER, b"hvc1.", b"hev1."), "RFC8216-4.3.4.2:sample-entry", MASTER),
    "another size": (replace(MASTER, b"64x36", b"80x45"), "RFC8216-4.3.4.2:resolution", MASTER),
    "another rate": (replace(MASTER, b"30.000", b"29.970"), "RFC8216-4.3.4.2:frame-rate", MASTER),
    "half an I-frame": (
        replace("h264/iframes.m3u8", b"BYTERANGE:", b"BYTERANGE:1@1\n#"),
        "APPLE-6.10",
        "h264/iframes.m3u8",
    ),
    "wrong durations": (replace(H264, b"EXTINF:2.0", b"EXTINF:2.2"), "APPLE-8.1", H264),
    "no time map": (
        replace("subtitles-1/subtitles.vtt", b"X-TIMESTAMP-MAP", b"NOTE"),
        "APPLE-5.3",
        "subtitles-1/main.m3u8",
    ),
    "another timeline": (
        replace("manifest.mpd", b't="0" d="30720"', b't="3000" d="27720"'),
        "DASH-5.3.9.6:times",
        "manifest.mpd",
    ),
    "a wrong bandwidth": (replace(MASTER, b"INF:BANDWIDTH=", b"INF:BANDWIDTH=9"), "APPLE-1.27", MASTER),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_with_its_file(packaged: Path, tmp_path: Path, what: str) -> None:
    damage, rule, file = DAMAGE[what]
    stream = tmp_path / "stream"
    shutil.copytree(packaged, stream)
    damage(stream)
    found = [each for each in validate_directory(stream).findings if each.rule.id == rule]
    assert found
    assert file in {each.file for each in found}
    assert all(each.rule.level is Level.MUST and each.rule.remedy for each in found)


def test_encrypted_and_foreign_segments_are_not_opened(packaged: Path, tmp_path: Path) -> None:
    stream = tmp_path / "stream"
    shutil.copytree(packaged, stream)
    replace("h264/main.m3u8", b"#EXT-X-MAP", b'#EXT-X-KEY:METHOD=AES-128,URI="key"\n#EXT-X-MAP')(stream)
    report = validate_directory(stream / "master.m3u8")
    assert "h264/main.m3u8: encrypted segments are not opened" in report.notes
    assert not [each for each in report.violated if each.file == "h264/main.m3u8"]


@pytest.mark.parametrize("scheme", ["cbcs", "cenc"])
def test_an_encrypted_stream_violates_no_must_and_another_key_id_is_found(
    ffmpeg: str, tools: Toolchain, tmp_path: Path, scheme: str
) -> None:
    audio = ((TONE, 2.0, "und"),)
    path = rendition(ffmpeg, tmp_path / "h264.mp4", fps=FPS, frames=60, gop=30, audio_inputs=audio)
    key = ContentKey(key_id=bytes(range(16)), key=bytes(16), uri="skd://key")
    encryption = StreamEncryption(scheme=scheme, context="plan", keys={"video": key, "audio": key})
    grid = frame_grid(gop_s=1.0, segment_s=2.0, fps=FPS)
    pairs = [(rung("h264"), path)]
    package(pairs, grid, tools=tools, runner=Runner(), out_dir=tmp_path, encryption=encryption)
    stream = tmp_path / "stream"
    assert {each.rule.id for each in validate_directory(stream).violated} <= {"APPLE-9.9"}
    replace("h264/init.mp4", key.key_id, bytes(16))(stream)
    found = {each.rule.id for each in validate_directory(stream).violated}
    assert "SECURITY-9.1:default_KID" in found
    if scheme == "cbcs":
        replace("h264/init.mp4", b"cbcs", b"cenc")(stream)
        found = {each.rule.id for each in validate_directory(stream).violated}
        assert "RFC8216-4.3.2.4:cbcs" in found


def test_a_sample_has_the_first_two_and_the_last_segment() -> None:
    assert choose(5, None) == choose(5, 9) == [0, 1, 2, 3, 4]
    assert choose(1000, 1) == [0]
    assert choose(1000, 2) == [0, 999]
    assert choose(1000, 5) == [0, 1, 499, 749, 999]
    for count in range(1, 40):
        for sample in range(1, 12):
            chosen = choose(count, sample)
            assert chosen == sorted(set(chosen))
            assert len(chosen) == min(count, sample)


def test_a_sample_of_a_local_stream_still_knows_all_sizes(packaged: Path) -> None:
    report = validate_directory(packaged, sample=2)
    assert report.violated == ()
    assert report.segments < validate_directory(packaged).segments
    assert report.notes == ()
