"""Orientation, clean aperture and pixel aspect ratio match FFmpeg's plain decode."""

from __future__ import annotations

import random
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.unit.media.displayed_frames import decode_first_frame, encode_source, probe_stream
from tests.unit.mp4.matrices import EIGHT, fixed, set_matrices, with_entry_boxes

from eddyline.core.errors import UnsupportedError
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.clean_aperture import chroma_step, displayed_size
from eddyline.mp4.boxes import make_box

# A frame that no rotation, mirroring or cropping maps to itself: four colours and an off-centre white square.
_SHOWN = (
    "color=red:s=160x90:r=10:d=0.3,drawbox=80:0:80:45:blue:fill,drawbox=0:45:80:45:green:fill,"
    "drawbox=80:45:80:45:yellow:fill,drawbox=20:10:30:20:white:fill"
)


@pytest.fixture(scope="module")
def plain(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MP4 with its index after the media, without pasp."""
    out = tmp_path_factory.mktemp("plain") / "plain.mp4"
    argv = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", f"{_SHOWN},setsar=0", "-c:v", "libx264", "-crf", "1"]
    subprocess.run([*argv, "-pix_fmt", "yuv420p", f"{out}"], check=True, timeout=60)
    assert b"pasp" not in out.read_bytes()
    return out


def clap(width: int, height: int, across: int = 0, down: int = 0) -> bytes:
    return make_box("clap", struct.pack(">8i", width, 1, height, 1, across, 1, down, 1))


def pasp(across: int, down: int) -> bytes:
    return make_box("pasp", struct.pack(">II", across, down))


def shown_aspect(source: Path, tools: Toolchain) -> float:
    """The display aspect ratio of a decoded and rotated frame, by FFmpeg."""
    argv = [
        f"{tools.ffmpeg}",
        "-v",
        "info",
        "-i",
        f"{source}",
        "-frames:v",
        "1",
        "-vf",
        "showinfo",
        "-f",
        "null",
        "-",
    ]
    output = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30).stderr
    line = next(line for line in output.splitlines() if "Parsed_showinfo" in line and " sar:" in line)
    sar, size = (line.split(f" {key}:")[1].split()[0] for key in ("sar", "s"))
    across, down = (int(part) for part in sar.split("/"))
    width, height = (int(part) for part in size.split("x"))
    return width / height * (across / down if across and down else 1)


def check(source: Path, tools: Toolchain, work: Path) -> None:
    """All rungs and the poster match a plain decode of the source, in the same aspect ratio."""
    result = encode_source(source, tools, work)
    expected, aspect = decode_first_frame(tools.ffmpeg, source), shown_aspect(source, tools)
    for rung, path in result.rungs:
        probed = probe_stream(tools.ffprobe, path)
        assert (probed["width"], probed["height"]) == (rung.width, rung.height)
        assert probed["sample_aspect_ratio"] == "1:1"
        assert abs(rung.width / rung.height - aspect) <= 0.05 * aspect
    for path in [*(path for _, path in result.rungs), result.poster]:
        assert np.abs(decode_first_frame(tools.ffmpeg, path) - expected).mean() <= 6, path.name


@pytest.mark.parametrize("name", EIGHT)
def test_all_orientations_are_shown_as_ffmpeg_shows_them(
    name: str, plain: Path, tools: Toolchain, tmp_path: Path
) -> None:
    check(set_matrices(plain, tmp_path / "a.mp4", fixed(EIGHT[name])), tools, tmp_path)


def test_an_arbitrary_angle_is_shown_as_ffmpeg_shows_it(
    plain: Path, tools: Toolchain, tmp_path: Path
) -> None:
    coefficients = (0.8192, 0.5736, -0.5736, 0.8192)  # 35 degrees
    check(set_matrices(plain, tmp_path / "a.mp4", fixed(coefficients)), tools, tmp_path)


@pytest.mark.parametrize("seed", range(8))
def test_combinations_are_shown_as_ffmpeg_shows_them(
    seed: int, plain: Path, tools: Toolchain, tmp_path: Path
) -> None:
    generator = random.Random(seed)
    boxes = [
        generator.choice([b"", clap(120, 90), clap(151, 83), clap(100, 60, 12, -8)]),
        generator.choice([b"", pasp(4, 3), pasp(10, 11)]),
    ]
    inner = with_entry_boxes(plain, tmp_path / "inner.mp4", *(box for box in boxes if box))
    track, movie = (fixed(EIGHT[generator.choice(list(EIGHT))]) for _ in range(2))
    size = generator.choice([None, (213, 90), (120, 90), (160, 120)])
    check(set_matrices(inner, tmp_path / "a.mp4", track, movie, size=size), tools, tmp_path)


@pytest.mark.parametrize(
    ("boxes", "size", "aspect"),
    [
        ((), (213, 90), Fraction(213, 160)),
        ((pasp(4, 3),), (213, 90), Fraction(4, 3)),
        ((pasp(1, 1),), (213, 90), Fraction(1)),
        ((pasp(0, 1),), (213, 90), Fraction(213, 160)),
        ((), (0, 0), Fraction(1)),
        ((clap(120, 90), pasp(4, 3)), None, Fraction(4, 3)),
    ],
)
def test_pasp_takes_precedence_over_the_size_in_tkhd(
    boxes: tuple[bytes, ...], size: tuple[int, int] | None, aspect: Fraction,
    plain: Path, tools: Toolchain, tmp_path: Path,
) -> None:  # fmt: skip
    inner = with_entry_boxes(plain, tmp_path / "inner.mp4", *boxes)
    result = encode_source(set_matrices(inner, tmp_path / "a.mp4", size=size), tools, tmp_path)
    assert result.facts.video.pixel_aspect == aspect


def test_a_clean_aperture_outside_of_the_frame_is_rejected(
    plain: Path, tools: Toolchain, tmp_path: Path
) -> None:
    source = with_entry_boxes(plain, tmp_path / "a.mp4", clap(120, 90, -60))
    with pytest.raises(UnsupportedError) as caught:
        encode_source(source, tools, tmp_path)
    assert caught.value.reason == "clean-aperture"


@pytest.mark.parametrize(("across", "down"), [(11, 1), (1, 11), (65536, 1)])
def test_an_extreme_pixel_aspect_ratio_is_rejected(
    across: int, down: int, plain: Path, tools: Toolchain, tmp_path: Path
) -> None:
    source = with_entry_boxes(plain, tmp_path / "a.mp4", pasp(across, down))
    with pytest.raises(UnsupportedError) as caught:
        encode_source(source, tools, tmp_path)
    assert caught.value.reason == "pixel-aspect"


def test_a_size_is_rounded_down_to_whole_chroma_samples() -> None:
    side = {
        "side_data_type": "Frame Cropping",
        "crop_top": 1,
        "crop_bottom": 2,
        "crop_left": 3,
        "crop_right": 4,
    }
    stream_fields = {"width": 160, "height": 90, "side_data_list": [side]}
    sizes = {
        name: displayed_size(stream_fields, name)
        for name in ("yuv420p", "yuv422p10le", "yuv444p", "gbrp", "yuv411p")
    }
    assert sizes == {
        "yuv420p": (152, 86), "yuv422p10le": (152, 87), "yuv444p": (153, 87), "gbrp": (153, 87),
        "yuv411p": (152, 87)
    }  # fmt: skip
    assert displayed_size({"width": 161, "height": 91}, "yuv420p") == (161, 91)
    steps = {
        name: chroma_step(name) for name in ("yuvj420p", "yuva420p10le", "nv12", "p010le", "yuvj422p", "gray")
    }
    assert steps == {
        "yuvj420p": (2, 2), "yuva420p10le": (2, 2), "nv12": (2, 2), "p010le": (2, 2), "yuvj422p": (2, 1),
        "gray": (1, 1),
    }  # fmt: skip
