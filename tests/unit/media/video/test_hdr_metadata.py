"""Static HDR metadata is in every HDR rendition and in no SDR one: bitstream, MP4, initialization segment."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.unit.media.encoded_ladder import EncodedLadder, encode_ladder, make_rung

from eddyline.core.errors import ProofError
from eddyline.media.ladder.ladder import Rung
from eddyline.media.streaming.elementary_streams import ElementaryStream
from eddyline.media.streaming.initialization_segments import with_boxes
from eddyline.media.streaming.stream_hdr import add_hdr_metadata
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.hdr_metadata import with_hdr_metadata
from eddyline.media.video.hdr_verification import verify_hdr_metadata
from eddyline.media.video.parameter_sets import with_parameter_sets
from eddyline.mp4.bitstream.hdr_metadata import HdrMetadata
from eddyline.mp4.bitstream.rbsp import add_emulation_prevention
from eddyline.mp4.bitstream.sei import encode_sei_messages
from eddyline.mp4.entries.hdr_boxes import read_hdr_boxes, with_hdr_boxes
from eddyline.mp4.index import read_movie
from eddyline.store.ranges import FileRanges

# DCI-P3 with D65, 1,000 and 0.005 cd/m2.
POINTS = (13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450)
METADATA = HdrMetadata(mastering_display=(*POINTS, 10_000_000, 50), content_light=(1000, 400))
X265 = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
SVT = "G(0.26500,0.69000)B(0.15000,0.06000)R(0.68000,0.32000)WP(0.31270,0.32900)L(1000.0000,0.0050)"
SOURCES: dict[str, tuple[str, str, tuple[str, ...]]] = {  # suffix, transfer, options
    "PQ HEVC": (
        "mp4",
        "smpte2084",
        ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
         f"log-level=none:keyint=4:master-display={X265}:max-cll=1000,400"),
    ),
    "PQ AV1": (
        "mp4",
        "smpte2084",
        ("-c:v", "libsvtav1", "-preset", "12", "-svtav1-params",
         f"keyint=4:mastering-display={SVT}:content-light=1000,400"),
    ),
    "HLG HEVC": (
        "mp4",
        "arib-std-b67",
        ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
         f"log-level=none:keyint=4:master-display={X265}:max-cll=1000,400"),
    ),
}  # fmt: skip
COLOURS = ("color_primaries", "color_transfer", "color_space", "color_range")


def clip(tools: Toolchain, out: Path, transfer: str, options: tuple[str, ...], *, frames: int = 8) -> Path:
    tags = f"color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=limited"
    argv = [str(tools.ffmpeg), "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=128x128:r=10"]
    argv += ["-vf", f"format=yuv420p10le,setparams={tags}", "-frames:v", f"{frames}", *options, str(out)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return out


def ladder(_: object) -> list[Rung]:
    """SDR first: FFmpeg gives the metadata of a filter graph to its first output."""
    return [
        make_rung("sdr-h264", "h264", 128, 128),
        make_rung("sdr-hevc", "hevc", 128, 128, deep=True),
        make_rung("sdr-av1", "av1", 96, 96),
        make_rung("hdr-hevc", "hevc", 128, 128, hdr=True),
        make_rung("hdr-av1", "av1", 96, 96, hdr=True),
    ]


@pytest.fixture(scope="module")
def encoded(tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Returns the ladder of one of `SOURCES`, encoded once."""

    @cache
    def encode(name: str) -> EncodedLadder:
        work = tmp_path_factory.mktemp("hdr")
        suffix, transfer, options = SOURCES[name]
        source = clip(tools, work / f"a.{suffix}", transfer, options)
        return encode_ladder(source, ladder, tools, work, packaged=True)

    return encode


def stsd(path: Path) -> bytes:
    with FileRanges(path) as source:
        return read_movie(source).tracks[0].stsd


def elementary_frames(tools: Toolchain, path: Path, rung: Rung) -> list[str]:
    """What FFmpeg's decoder says of the frames without the container."""
    form, suffix = {"h264": ("h264", "264"), "hevc": ("hevc", "265"), "av1": ("obu", "obu")}[rung.codec]
    raw = path.with_suffix(f".{suffix}")
    argv = [str(tools.ffmpeg), "-v", "error", "-y", "-i", str(path), "-c", "copy", "-f", form, str(raw)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    argv = [str(tools.ffmpeg), "-v", "info", "-f", form, "-i", str(raw), "-vf", "showinfo", "-f", "null", "-"]
    log = subprocess.run(argv, check=True, capture_output=True, timeout=60).stderr.decode()
    return log.split("] n: ")[1:]


@pytest.mark.parametrize("name", SOURCES)
def test_hdr_rungs_have_the_metadata_of_the_source_and_sdr_rungs_have_none(
    name: str, encoded: Any, tools: Toolchain
) -> None:
    result: EncodedLadder = encoded(name)
    transfer = SOURCES[name][1]
    assert result.facts.video.hdr_metadata == METADATA
    for rung, path in result.renditions:
        expected = METADATA if rung.keep_hdr else HdrMetadata()
        assert read_hdr_boxes(stsd(path)) == expected, rung.name
        assert read_hdr_boxes(stsd(result.init(rung))) == expected, rung.name
        frames = elementary_frames(tools, path, rung)
        assert len(frames) == 8
        for number in (0, 4):  # the keyframes; frames between them repeat their metadata
            has = "mastering display metadata" in frames[number].lower()
            light = "content light level metadata" in frames[number].lower()
            assert (has, light) == (rung.keep_hdr, rung.keep_hdr), (rung.name, frames[number])
            if rung.keep_hdr:
                assert "r(0.6800,0.3200) g(0.2650,0.6900) b(0.1500 0.0600)" in frames[number]
                assert re.search(r"min_luminance=0\.0050\d+, max_luminance=1000\.0+\b", frames[number])
                assert "MaxCLL=1000, MaxFALL=400" in frames[number]
        tags = ("bt2020", transfer, "bt2020nc") if rung.keep_hdr else ("bt709", "bt709", "bt709")
        for frame in frames[:1]:
            assert (
                f"color_range:tv color_space:{tags[2]} color_primaries:{tags[0]} color_trc:{tags[1]}" in frame
            )
        numbers = {"bt709": 1, "bt2020": 9, "bt2020nc": 9, "smpte2084": 16, "arib-std-b67": 18}
        box = b"colrnclx" + b"".join(numbers[each].to_bytes(2, "big") for each in tags) + b"\0"
        assert box in path.read_bytes()
        assert box in result.init(rung).read_bytes()


def test_chunks_of_hdr_rungs_have_equal_sample_entries(encoded: Any) -> None:
    for name in SOURCES:
        result: EncodedLadder = encoded(name)
        for rung, path in result.renditions:
            chunks = [path.parent / f"chunk-{number}" / f"{rung.name}.mp4" for number in range(2)]
            assert stsd(chunks[0]) == stsd(chunks[1])


VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")


@pytest.mark.parametrize("form", ["mov", "mkv", "webm", "ts"])
def test_the_metadata_is_read_from_boxes_and_other_containers(
    form: str, encoded: Any, tools: Toolchain, tmp_path: Path
) -> None:
    """ProRes has it in boxes only, Matroska in its track header, MPEG-TS in SEI messages only."""
    source = encoded("PQ HEVC").renditions[0][1].parent / "a.mp4"
    codec = {"mov": ("-c:v", "prores_ks", "-profile:v", "3"), "webm": VP9}.get(form, ("-c", "copy"))
    out = tmp_path / f"b.{form}"
    argv = [str(tools.ffmpeg), "-v", "error", "-i", str(source), *codec, "-strict", "unofficial", str(out)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    result = encode_ladder(out, lambda _: [make_rung("hdr", "hevc", 128, 128, hdr=True)], tools, tmp_path)
    assert result.facts.video.transfer == "smpte2084"
    assert result.facts.video.hdr_metadata == METADATA
    assert read_hdr_boxes(stsd(result.renditions[0][1])) == METADATA


@pytest.mark.parametrize(
    "metadata",
    [HdrMetadata(mastering_display=(*POINTS, 40_000_123, 0)), HdrMetadata(content_light=(4000, 0))],
)
def test_a_source_may_have_one_of_the_two_parts(
    metadata: HdrMetadata, encoded: Any, tools: Toolchain, tmp_path: Path
) -> None:
    source = encoded("PQ HEVC").renditions[0][1].parent / "a.mp4"
    with_metadata = relabelled(source, tmp_path / "b.mov", tools, metadata)
    rungs = [make_rung(codec, codec, 128, 128, hdr=True) for codec in ("hevc", "av1")]
    result = encode_ladder(with_metadata, lambda _: rungs, tools, tmp_path, packaged=True)
    assert result.facts.video.hdr_metadata == metadata
    for rung, path in result.renditions:
        assert read_hdr_boxes(stsd(path)) == read_hdr_boxes(stsd(result.init(rung))) == metadata


def relabelled(path: Path, out: Path, tools: Toolchain, metadata: HdrMetadata) -> Path:
    """A ProRes MOV, whose bitstream has no metadata, with `metadata` in its sample entry."""
    deleted = ("MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL")
    filters = ",".join(f"sidedata=mode=delete:type={each}" for each in deleted)
    codec = ("-vf", filters, "-c:v", "prores_ks", "-profile:v", "3")
    argv = [str(tools.ffmpeg), "-v", "error", "-i", str(path), *codec, str(out)]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    with FileRanges(out) as source:
        assert not read_hdr_boxes(read_movie(source).tracks[0].stsd)
    # The media data precedes moov, so that no offset changes.
    data = out.read_bytes()
    moov = data.index(b"moov") - 4
    assert moov > data.index(b"mdat")
    out.write_bytes(data[:moov] + with_boxes(data[moov:], lambda old: with_hdr_boxes(old, metadata)))
    return out


def hdr10_plus_unit() -> bytes:
    """An HEVC SEI unit with one window and without a curve (SMPTE ST 2094-40, CTA-861 annex S)."""
    fields = ((4, 8), (1, 8), (1, 2), (400, 27), (0, 1), *[(50_000, 17)] * 3, (9_000, 17), (0, 4), (10, 10))
    bits = "".join(f"{value:0{width}b}" for value, width in (*fields, (0, 1), (0, 1), (0, 1)))
    body = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    t35 = bytes.fromhex("b5003c0001") + body
    return b"\x4e\x01" + add_emulation_prevention(encode_sei_messages([(4, t35)]))


def test_dynamic_metadata_is_in_no_rendition(encoded: Any, tools: Toolchain, tmp_path: Path) -> None:
    data = (encoded("PQ HEVC").renditions[0][1].parent / "a.mp4").read_bytes()
    source = tmp_path / "a.mp4"
    moov = data.index(b"moov") - 4
    changed = with_boxes(data[moov:], lambda old: with_parameter_sets(old, 1, [hdr10_plus_unit()]))
    source.write_bytes(data[:moov] + changed)
    argv = [str(tools.ffmpeg), "-v", "info", "-i", str(source), "-vf", "showinfo", "-f", "null", "-"]
    log = subprocess.run(argv, check=True, capture_output=True, timeout=60).stderr.decode()
    assert "HDR Dynamic Metadata SMPTE2094-40 (HDR10+)" in log
    result = encode_ladder(source, ladder, tools, tmp_path)  # verifies that there is none
    omitted = [each.what for each in result.facts.left_out if each.kind == "metadata"]
    assert "dynamic HDR metadata (HDR10+)" in omitted
    for rung, path in result.renditions:
        assert "HDR10+" not in "".join(elementary_frames(tools, path, rung))


def test_a_rendition_without_the_metadata_fails_verification(encoded: Any) -> None:
    renditions = {rung.name: path for rung, path in encoded("PQ HEVC").renditions}
    heads = {}
    for name, path in renditions.items():
        with FileRanges(path) as source:
            heads[name] = [source.read(int(read_movie(source).tracks[0].samples.offset[0]), 2048)]
    for name, codec in (("hdr-hevc", "hevc"), ("hdr-av1", "av1")):
        table = stsd(renditions[name])
        verify_hdr_metadata(name, codec, table, heads[name], METADATA)
        for wrong in (HdrMetadata(), replace(METADATA, content_light=(1000, 401))):
            with pytest.raises(ProofError, match="HDR metadata"):
                verify_hdr_metadata(name, codec, table, heads[name], wrong)
            with pytest.raises(ProofError, match="HDR metadata"):  # right boxes, wrong bitstream
                verify_hdr_metadata(name, codec, with_hdr_boxes(table, wrong), heads[name], wrong)
            with pytest.raises(ProofError, match="sample entry"):
                verify_hdr_metadata(name, codec, with_hdr_boxes(table, wrong), heads[name], METADATA)
    sdr = stsd(renditions["sdr-av1"])
    with pytest.raises(ProofError, match="keyframe 0"):
        verify_hdr_metadata("sdr-av1", "av1", with_hdr_boxes(sdr, METADATA), heads["sdr-av1"], METADATA)


def test_a_stream_with_other_boxes_than_its_rendition_fails(encoded: Any, tmp_path: Path) -> None:
    result = encoded("PQ HEVC")
    rung, path = next((rung, path) for rung, path in result.renditions if rung.name == "sdr-hevc")
    init = tmp_path / rung.name / "init.mp4"
    init.parent.mkdir()
    with FileRanges(path) as source:
        track = read_movie(source).tracks[0]
    each = ElementaryStream(name=rung.name, path="", kind="video", track=track)
    init.write_bytes(result.init(rung).read_bytes())
    add_hdr_metadata(tmp_path, [each])
    init.write_bytes(with_boxes(init.read_bytes(), lambda table: with_hdr_boxes(table, METADATA)))
    with pytest.raises(ProofError, match=r"sdr-hevc/init\.mp4"):
        add_hdr_metadata(tmp_path, [each])


@pytest.mark.parametrize(("codec", "encoder"), [("hevc", "hevc_nvenc"), ("av1", "av1_nvenc")])
def test_encoders_without_an_option_get_the_metadata_in_the_decoder_configuration(
    codec: str, encoder: str, encoded: Any, tools: Toolchain, tmp_path: Path
) -> None:
    """The samples are those of a rung without metadata. FFmpeg reads it from hvcC and ignores it in av1C."""
    result = encoded("PQ HEVC")
    rung, path = next(each for each in result.renditions if each[0].name == f"sdr-{codec}")
    on_gpu = replace(rung, encoder=encoder, keep_hdr=True)
    with FileRanges(path) as source:
        head = source.read(int(read_movie(source).tracks[0].samples.offset[0]), 2048)
    table = with_hdr_metadata(stsd(path), on_gpu, METADATA)
    verify_hdr_metadata(rung.name, codec, table, [head], METADATA)
    with_boxes_only = with_hdr_boxes(table, HdrMetadata())  # the configuration alone
    out = tmp_path / "a.mp4"
    data = result.init(rung).read_bytes()
    media = (result.init(rung).parent / "00001.m4s").read_bytes()
    out.write_bytes(with_boxes(data, lambda _: with_boxes_only) + media)
    frames = elementary_frames(tools, out, on_gpu)
    assert len(frames) == 4
    assert ("MaxCLL=1000, MaxFALL=400" in frames[0]) == (codec == "hevc")
    assert ("min_luminance=0.005000, max_luminance=1000.000000" in frames[0]) == (codec == "hevc")
