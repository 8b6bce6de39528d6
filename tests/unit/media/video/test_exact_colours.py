"""HDR becomes SDR as ITU-R BT.2100 defines it, and SDR keeps its values, in every rung and image."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.unit.media.bt2100 import (
    BT601,
    BT709,
    HLG,
    PATCHES,
    PQ,
    dequantize,
    jpeg_codes,
    largest_errors,
    ootf_table,
    patch_codes,
    quantize,
    sdr_codes,
    to_rgb,
    to_ycbcr,
)
from tests.unit.media.encoded_ladder import encode_ladder, make_rung

from eddyline.core.processes.runner import Runner
from eddyline.media.ladder.chunks import Grid
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.profile import StoryboardSettings
from eddyline.media.pictures.keyframes import ImageSource
from eddyline.media.pictures.poster import write_poster
from eddyline.media.pictures.storyboard import write_storyboard
from eddyline.media.pictures.thumbnails import write_thumbnails
from eddyline.media.source.open_source import main_video, open_source
from eddyline.media.source.probe import probe
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.encode import decode_arguments
from eddyline.media.video.tone_mapping import HLG_OOTF
from eddyline.mp4.presentation import build_presentation
from eddyline.mp4.slice import write_slice
from eddyline.store.ranges import FileRanges

Codes = npt.NDArray[np.float64]

COLUMNS, ROWS = 6, 3
WIDTH, HEIGHT = 768, 384
LOSSLESS = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:lossless=1")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0")  # lossless
LUMA, CHROMA = 1.0, 2.5  # largest errors in codes


def patch_frame(codes: Codes, *, deep: bool) -> bytes:
    """A 4:2:0 frame of WIDTH x HEIGHT pixels with a grid of the 18 `codes`."""
    side = WIDTH // COLUMNS
    image = np.kron(codes.reshape(ROWS, COLUMNS, 3), np.ones((side, side, 1)))
    planes = [image[..., 0], image[::2, ::2, 1], image[::2, ::2, 2]]
    return b"".join(plane.astype("<u2" if deep else np.uint8).tobytes() for plane in planes)


def patch_means(raw: bytes, width: int, height: int) -> Codes:
    """float64[18, 3]: the means of the middles of the patches in an 8-bit 4:2:0 frame."""
    pixels = np.frombuffer(raw, np.uint8)[: width * height * 3 // 2].astype(np.float64)
    sizes = [(height, width), (height // 2, width // 2), (height // 2, width // 2)]
    ends = np.cumsum([0, *(down * across for down, across in sizes)])
    found = np.empty((ROWS * COLUMNS, 3))
    for plane, ((down, across), start, end) in enumerate(zip(sizes, ends, ends[1:], strict=False)):
        values = pixels[start:end].reshape(down, across)
        for place in range(ROWS * COLUMNS):
            row, column = divmod(place, COLUMNS)
            top, left = down * (row + 0.3) / ROWS, across * (column + 0.3) / COLUMNS
            bottom, right = down * (row + 0.7) / ROWS, across * (column + 0.7) / COLUMNS
            middle = values[round(top) : round(bottom), round(left) : round(right)]
            found[place, plane] = middle.mean()
    return found


def make_source(
    tools: Toolchain, out: Path, codes: Codes, pixels: str, tags: str, codec: tuple[str, ...] = LOSSLESS
) -> Path:
    """A clip of four equal frames of patches."""
    argv = [str(tools.ffmpeg), "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", pixels]
    argv += ["-s", f"{WIDTH}x{HEIGHT}", "-r", "10", "-i", "-", "-vf", f"setparams={tags}", *codec, str(out)]
    frame = patch_frame(codes, deep="10" in pixels)
    subprocess.run(argv, input=frame * 4, check=True, capture_output=True, timeout=60)
    return out


def decode(tools: Toolchain, path: Path, width: int, height: int, *, crop: str = "null") -> Codes:
    """The patches of the first frame as 8-bit 4:2:0 codes, unconverted."""
    argv = [str(tools.ffmpeg), "-v", "error", "-i", str(path), "-frames:v", "1", "-vf", crop]
    raw = subprocess.run([*argv, "-f", "rawvideo", "-"], check=True, capture_output=True, timeout=60).stdout
    assert len(raw) == width * height * 3 // 2, "not 8-bit 4:2:0"
    return patch_means(raw, width, height)


def sdr_ladder(_: VideoFacts) -> list[Rung]:
    sizes = ((768, 384), (512, 256), (384, 192), (256, 128), (192, 96))
    return [make_rung(f"h264-{height}", "h264", width, height) for width, height in sizes] + [
        make_rung("av1-256", "av1", 512, 256),
        make_rung("hevc-192", "hevc", 384, 192),
    ]


def image_source(path: Path, src: FileRanges, facts: VideoFacts, tools: Toolchain, work: Path) -> ImageSource:
    footage = open_source(path, work=work, runner=Runner(), tools=tools)
    track = main_video(footage.movie)
    shown = build_presentation(footage.movie, track)
    return ImageSource(
        src=src, track=track, facts=facts, shown=shown, tools=tools, runner=Runner(), work=work
    )


def write_images(
    path: Path, facts: VideoFacts, tools: Toolchain, work: Path
) -> dict[str, tuple[Path, int, int]]:
    """The poster, a thumbnail and a storyboard of one tile, with their sizes."""
    with FileRanges(path) as src:
        video = image_source(path, src, facts, tools, work)
        poster = write_poster(video, out=work / "poster.jpg")
        (thumbnail, *_) = write_thumbnails(video, out_dir=work, count=1)
        board = write_storyboard(video, StoryboardSettings(), out_dir=work)
    return {
        "poster": (poster.path, 768, 384),
        "thumbnail": (thumbnail.path, 320, 160),
        "storyboard": (board.sheets[0], 160, 80),
    }


@pytest.fixture(scope="module")
def hdr_ladder(tools: Toolchain, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Returns the source, its ladder and the work directory for a transfer."""

    @cache
    def encode(transfer: str) -> tuple[Any, Path]:
        work = tmp_path_factory.mktemp("colours")
        tags = f"range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc={transfer}"
        source = make_source(tools, work / "a.mp4", patch_codes(transfer), "yuv420p10le", tags)
        return encode_ladder(source, sdr_ladder, tools, work), source

    return encode


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_sdr_rungs_of_hdr_have_the_colours_of_bt2100(
    transfer: str, hdr_ladder: Any, tools: Toolchain
) -> None:
    ladder, _ = hdr_ladder(transfer)
    expected = sdr_codes(patch_codes(transfer), transfer)
    for rung, path in ladder.renditions:
        luma, chroma = largest_errors(decode(tools, path, rung.width, rung.height), expected)
        assert (luma <= LUMA, chroma <= CHROMA) == (True, True), (rung.name, luma, chroma)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_images_of_hdr_have_the_colours_of_bt2100(
    transfer: str, hdr_ladder: Any, tools: Toolchain, tmp_path: Path
) -> None:
    ladder, source = hdr_ladder(transfer)
    expected = jpeg_codes(patch_codes(transfer), transfer)
    for name, (path, width, height) in write_images(source, ladder.facts.video, tools, tmp_path).items():
        luma, chroma = largest_errors(decode(tools, path, width, height), expected)
        assert (luma <= LUMA, chroma <= CHROMA) == (True, True), (name, luma, chroma)


def test_the_lookup_table_is_that_of_the_reference() -> None:
    """To write it again: python -m tests.unit.media.bt2100 > src/eddyline/media/video/hlg_ootf.cube"""
    assert HLG_OOTF.read_text("ascii") == ootf_table()
    assert len(PATCHES) == 18


SDR_SOURCES: dict[str, tuple[str, str, tuple[str, ...]]] = {  # pixel format, range, codec
    "8 bits, limited": ("yuv420p", "tv", H264),
    "8 bits, full": ("yuv420p", "pc", H264),
    "8 bits, JPEG": ("yuvj420p", "pc", ("-c:v", "mjpeg", "-q:v", "1")),
    "10 bits, limited": ("yuv420p10le", "tv", LOSSLESS),
    "10 bits, full": ("yuv420p10le", "pc", LOSSLESS),
}
MATRICES = {"bt709": BT709, "smpte170m": BT601}
# R'G'B' of BT.709: black, white, grey, primaries and secondaries of 75 %, and colors between them.
RGB = np.array(
    [
        *[(0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5), (0.75, 0, 0), (0, 0.75, 0), (0, 0, 0.75), (0, 0.75, 0.75)],
        *[(0.75, 0, 0.75), (0.75, 0.75, 0), (0.8, 0.6, 0.5), (0.3, 0.2, 0.15), (0.2, 0.4, 0.8)],
        *[(0.9, 0.9, 0.8), (0.02, 0.02, 0.02), (0.98, 0.98, 0.98), (1, 0, 0), (0, 1, 0), (0, 0, 1)],
    ]
)


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("name", SDR_SOURCES)
def test_sdr_of_every_depth_and_range_keeps_its_values(
    name: str, matrix: str, tools: Toolchain, tmp_path: Path
) -> None:
    pixels, value_range, codec = SDR_SOURCES[name]
    bits, full = (10 if "10" in pixels else 8), value_range == "pc"
    if codec[1] == "mjpeg" and matrix != "smpte170m":
        pytest.skip("JPEG is BT.601")
    codes = np.round(quantize(to_ycbcr(RGB, MATRICES[matrix]), bits, full=full)).clip(0, (1 << bits) - 1)
    tags = f"range={value_range}:colorspace={matrix}:color_primaries=bt709:color_trc=bt709"
    source = make_source(tools, tmp_path / "a.mp4", codes, pixels, tags, codec)
    shown = dequantize(codes, bits, full=full)
    rungs = [make_rung(f"{width}", "h264", width, width // 2) for width in (768, 512, 256)]
    ladder = encode_ladder(source, lambda _: rungs, tools, tmp_path)
    assert ladder.facts.video.full_range == full
    for rung, path in ladder.renditions:
        found = decode(tools, path, rung.width, rung.height)
        luma, chroma = largest_errors(found, quantize(shown))
        assert (luma <= LUMA, chroma <= CHROMA) == (True, True), (rung.name, luma, chroma)
        assert found[:2, 0] == pytest.approx([16, 235], abs=0.5)
    expected = quantize(to_ycbcr(to_rgb(shown, MATRICES[matrix]).clip(0, 1), BT601), full=True)
    for image, (path, width, height) in write_images(source, ladder.facts.video, tools, tmp_path).items():
        found = decode(tools, path, width, height)
        luma, chroma = largest_errors(found, expected)
        assert (luma <= LUMA, chroma <= CHROMA) == (True, True), (image, luma, chroma)
        assert found[:2, 0] == pytest.approx([0, 255], abs=1)


def filtered(source: Path, rungs: list[Rung], tools: Toolchain, work: Path) -> list[list[Codes]]:
    """The planes of the first frame that the encoder of each rung receives, as 8-bit codes."""
    footage = open_source(source, work=work, runner=Runner(), tools=tools)
    track = main_video(footage.movie)
    with FileRanges(footage.path) as src:
        facts = probe(src, footage.movie, runner=Runner(), tools=tools, work=work).video
        piece = write_slice(src, footage.movie, track, 0, 1, work / "slice.mp4")
    argv = decode_arguments(piece, facts, rungs, Grid(gop=4, segment=4, fps=facts.fps), tools)
    outs = [work / f"{number}.yuv" for number in range(len(rungs))]
    maps = [part for n, out in enumerate(outs) for part in ("-map", f"[v{n}]", "-f", "rawvideo", str(out))]
    subprocess.run([*argv, *maps], check=True, capture_output=True, timeout=60)
    found = []
    for rung, out in zip(rungs, outs, strict=True):
        deep = rung.pixel_format.endswith("10le")
        values = np.fromfile(out, "<u2" if deep else np.uint8) / (4 if deep else 1)
        luma = rung.width * rung.height
        planes = np.split(values, [luma, luma * 5 // 4])
        shapes = [(rung.height >> shift, rung.width >> shift) for shift in (0, 1, 1)]
        found.append([plane.reshape(shape) for plane, shape in zip(planes, shapes, strict=True)])
    return found


@pytest.mark.parametrize("value_range", ["tv", "pc"])
@pytest.mark.parametrize("bits", [8, 10])
def test_conversions_have_no_bias(bits: int, value_range: str, tools: Toolchain, tmp_path: Path) -> None:
    """A conversion that truncates, or dithers from the wrong offset, changes the mean of noise."""
    random, full = np.random.default_rng(bits), value_range == "pc"
    lowest, highest = (
        quantize(np.array([[0, -0.5, -0.5], [1, 0.5, 0.5]]), bits, full=full).round().astype(int)
    )
    shapes = [(HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2), (HEIGHT // 2, WIDTH // 2)]
    planes = [
        random.integers(low, min(high, (1 << bits) - 1) + 1, shape)
        for low, high, shape in zip(lowest, highest, shapes, strict=True)
    ]
    raw = b"".join(plane.astype("<u2" if bits == 10 else np.uint8).tobytes() for plane in planes)
    pixels = "yuv420p10le" if bits == 10 else "yuv420p"
    argv = [str(tools.ffmpeg), "-v", "error", "-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{WIDTH}x{HEIGHT}"]
    tags = f"setparams=range={value_range}:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    codec = SDR_SOURCES["8 bits, limited"][2] if bits == 8 else LOSSLESS
    argv += ["-i", "-", "-vf", tags, *codec, str(tmp_path / "a.mp4")]
    subprocess.run(argv, input=raw, check=True, capture_output=True, timeout=60)
    rungs = [make_rung(f"{width}", "h264", width, width // 2) for width in (768, 512, 384, 256, 128)]
    rungs.append(make_rung("deep", "hevc", 512, 256, deep=True))
    means = dequantize(np.array([plane.mean() for plane in planes]), bits, full=full)
    for rung, found in zip(rungs, filtered(tmp_path / "a.mp4", rungs, tools, tmp_path), strict=True):
        bias = np.array([plane.mean() for plane in found]) - quantize(means)
        assert np.abs(bias).max() <= 0.1, (rung.name, bias)


LOCATIONS = {"left": (0.0, 0.5), "center": (0.5, 0.5), "topleft": (0.0, 0.0), "unspecified": (0.0, 0.5)}


@pytest.mark.parametrize("value_range", ["tv", "pc"])
@pytest.mark.parametrize("location", LOCATIONS)
def test_all_rungs_have_their_chroma_samples_at_the_left(
    location: str, value_range: str, tools: Toolchain, tmp_path: Path
) -> None:
    """Chroma that is linear in the position of a sample shows where the samples of a rung are."""
    right, below = LOCATIONS[location]
    slope = 0.5  # codes of 8 bits a pixel of luma
    across, down = np.arange(128) * 2 + right, np.arange(128) * 2 + below
    planes = [np.full((256, 256), 512), *np.broadcast_arrays(256 + 2 * across, (256 + 2 * down)[:, None])]
    raw = b"".join(np.round(plane).astype("<u2").tobytes() for plane in planes)
    tags = f"setparams=range={value_range}:colorspace=bt709:chroma_location={location}"
    argv = [str(tools.ffmpeg), "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "256x256"]
    argv += ["-r", "10", "-i", "-", "-vf", tags, *H264, str(tmp_path / "a.mp4")]
    subprocess.run(argv, input=raw * 4, check=True, capture_output=True, timeout=60)
    sizes = (256, 192, 128)
    rungs = [make_rung(f"deep-{size}", "hevc", size, size, deep=True) for size in sizes]
    rungs += [make_rung(f"{size}", "av1", size, size) for size in sizes]
    rungs += [make_rung("h264", "h264", 256, 256)]
    gain = 224 / 255.75 if value_range == "pc" else 1  # chroma of full range, in codes of limited range
    for rung, found in zip(rungs, filtered(tmp_path / "a.mp4", rungs, tools, tmp_path), strict=True):
        step, deep = 256 / rung.width, rung.pixel_format == "yuv420p10le"
        horizontal = (found[1].mean(axis=0) - 128) / slope / gain + 128
        vertical = (found[2].mean(axis=1) - 128) / slope / gain + 128
        numbers = np.arange(rung.width // 2)
        inner = slice(len(numbers) // 4, 3 * len(numbers) // 4)
        for positions, offset in ((horizontal, 0), (vertical, 0.5)):
            apart = ((positions + 0.5) / step - 0.5 - 2 * numbers)[inner].mean() - offset
            assert abs(apart) <= (0.15 if deep else 0.3), (rung.name, apart)  # 8 bits are rounded
    ladder = encode_ladder(tmp_path / "a.mp4", lambda _: rungs, tools, tmp_path)
    for rung, path in ladder.renditions:
        argv = [str(tools.ffmpeg), "-v", "info", "-i", str(path), "-vf", "showinfo", "-f", "null", "-"]
        log = subprocess.run(argv, check=True, capture_output=True, timeout=60).stderr.decode()
        assert set(re.findall(r" cl:(\w+)", log)) == {"left"}, rung.name


@pytest.mark.parametrize(
    ("rotation", "mirrored"),
    [(0, True), *((rotation, mirrored) for rotation in (90, 180, 270) for mirrored in (False, True))],
)
def test_an_upright_frame_has_its_chroma_samples_at_the_left(
    rotation: int, *, mirrored: bool, tools: Toolchain, tmp_path: Path
) -> None:
    """Chroma that is linear in the position in the source shows where the samples of an upright rung are."""
    slope = 0.5  # codes of 8 bits a pixel of luma
    across, down = np.meshgrid(np.arange(128) * 2.0, np.arange(128) * 2 + 0.5)
    planes = [np.full((256, 256), 512), 256 + 4 * slope * across, 256 + 4 * slope * down]
    raw = b"".join(np.round(plane).astype("<u2").tobytes() for plane in planes)
    coded, source = tmp_path / "coded.mp4", tmp_path / "a.mp4"
    argv = [str(tools.ffmpeg), "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p10le", "-s", "256x256"]
    tags = ["-vf", "setparams=colorspace=bt709:chroma_location=left"]
    argv += ["-r", "10", "-i", "-", *tags, *H264, str(coded)]
    subprocess.run(argv, input=raw * 4, check=True, capture_output=True, timeout=60)
    flip = ["-display_hflip:v:0"] if mirrored else []
    argv = [
        str(tools.ffmpeg),
        "-v",
        "error",
        "-display_rotation:v:0",
        str(-rotation),
        *flip,
        "-i",
        str(coded),
    ]
    subprocess.run([*argv, "-c", "copy", str(source)], check=True, capture_output=True, timeout=60)
    rungs = [make_rung(f"deep-{size}", "hevc", size, size, deep=True) for size in (256, 192, 128)]
    footage = open_source(source, work=tmp_path, runner=Runner(), tools=tools)
    with FileRanges(footage.path) as src:
        facts = probe(src, footage.movie, runner=Runner(), tools=tools, work=tmp_path).video
    # The source's column and row at each pixel of the upright frame, and how they change with its position.
    maps = [
        np.rot90(np.fliplr(grid) if facts.mirrored else grid, -facts.rotation // 90)
        for grid in np.meshgrid(np.arange(256.0), np.arange(256.0))
    ]
    for rung, found in zip(rungs, filtered(source, rungs, tools, tmp_path), strict=True):
        step, inner = 256 / rung.width, slice(rung.width // 8, 3 * rung.width // 8)
        numbers = np.arange(rung.width // 2)
        x, y = np.meshgrid((2 * numbers + 0.5) * step - 0.5, (2 * numbers + 1) * step - 0.5)
        for plane, grid in zip(found[1:], maps, strict=True):
            expected = grid[0, 0] + (grid[0, 1] - grid[0, 0]) * x + (grid[1, 0] - grid[0, 0]) * y
            positions = (plane - 64) / slope
            apart = (positions - expected)[inner, inner] / step
            assert abs(apart.mean()) <= 0.15, (rung.name, apart.mean())
            assert np.abs(apart).max() <= 1, rung.name  # 10 bits are rounded, and chroma is dithered
