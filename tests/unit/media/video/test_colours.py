"""A rendition, shown according to its tags, has the colours that FFmpeg shows of the source."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from tests.unit.media.displayed_frames import decode_first_frame, encode_source, patches, probe_stream

from eddyline.core.errors import UnsupportedError
from eddyline.media.source.source import VideoFacts
from eddyline.media.toolchain import Toolchain
from eddyline.media.video.colours import has_alpha, is_grey, is_rgb, keeps_matrix, require_convertible

COLOURS = np.array([(192, 0, 0), (0, 192, 0), (0, 0, 192), (192, 160, 64)])
_PATCHES = (
    "color=0xC00000:s=80x46:r=10:d=0.4[a];color=0x00C000:s=80x46:r=10:d=0.4[b];"
    "color=0x0000C0:s=80x46:r=10:d=0.4[c];color=0xC0A040:s=80x46:r=10:d=0.4[d];"
    "[a][b]hstack[t];[c][d]hstack[u];[t][u]vstack,format=gbrp"
)
_X264 = ("-c:v", "libx264", "-crf", "1", "-preset", "ultrafast")
# name -> (suffix, options after the RGB patches)
RGB: dict[str, tuple[str, tuple[str, ...]]] = {
    "H.264 of RGB": ("mp4", ("-pix_fmt", "rgb24", "-c:v", "libx264rgb", "-crf", "0")),
    "HEVC of RGB": (
        "mp4",
        ("-pix_fmt", "gbrp", "-c:v", "libx265", "-crf", "1", "-x265-params", "log-level=error"),
    ),
    "raw BGR": ("mov", ("-pix_fmt", "bgr24", "-c:v", "rawvideo")),
    "QuickTime Animation with alpha": ("mov", ("-pix_fmt", "argb", "-c:v", "qtrle")),
    "FFV1 of BGR": ("mkv", ("-pix_fmt", "bgr0", "-c:v", "ffv1")),
    "VP9 of RGB": ("webm", ("-pix_fmt", "gbrp", "-c:v", "libvpx-vp9", "-lossless", "1")),
}
MATRICES = ("bt709", "smpte170m", "bt470bg", "fcc", "smpte240m", "ycgco", "bt2020nc", "bt2020c")
KNOWN_TO_PLAYERS = {"bt709", "smpte170m", "bt470bg", "bt2020nc"}


def facts(pixel_format: str, matrix: str = "unknown", **more: str) -> VideoFacts:
    plain = VideoFacts(
        codec="h264", width=160, height=90, fps=Fraction(10), frames=1, timescale=10,
        pixel_format=pixel_format, matrix=matrix,
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]  # names of colors are strings


def encoded(ffmpeg: str, out: Path, *options: str, filters: str = "null") -> Path:
    argv = [ffmpeg, "-v", "error", "-y", "-f", "lavfi", "-i", f"{_PATCHES},{filters}", *options, f"{out}"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)
    return out


@pytest.mark.parametrize("name", RGB)
def test_rgb_is_converted_by_bt709_and_tagged(name: str, tools: Toolchain, tmp_path: Path) -> None:
    suffix, options = RGB[name]
    source = encoded(f"{tools.ffmpeg}", tmp_path / f"a.{suffix}", *options)
    result = encode_source(source, tools, tmp_path)
    for _, path in result.rungs:
        assert np.abs(patches(decode_first_frame(tools.ffmpeg, path)) - COLOURS).max() <= 4
        probed = probe_stream(tools.ffprobe, path)
        assert {probed[f"color_{what}"] for what in ("space", "transfer", "primaries")} == {"bt709"}
        assert probed["color_range"] == "tv"
        assert b"colrnclx" in path.read_bytes()
    assert np.abs(patches(decode_first_frame(tools.ffmpeg, result.poster)) - COLOURS).max() <= 6
    omitted = [each.what for each in result.facts.left_out if each.kind == "video"]
    assert omitted == (["the alpha channel (argb)"] if "alpha" in name else [])


@pytest.mark.parametrize("color_range", ["limited", "full"])
@pytest.mark.parametrize("matrix", MATRICES)
def test_every_matrix_and_range_shows_the_same_colours(
    matrix: str, color_range: str, tools: Toolchain, tmp_path: Path
) -> None:
    tagged = "setparams=color_primaries=bt709:color_trc=bt709"
    primaries = "bt2020" if "2020" in matrix else "bt709"
    filters = f"{tagged},zscale=m={matrix}:r={color_range}:p={primaries}:t=bt709,format=yuv420p"
    source = encoded(f"{tools.ffmpeg}", tmp_path / "a.mp4", *_X264, filters=filters)
    result = encode_source(source, tools, tmp_path)
    # FFmpeg's scale filter supports neither YCgCo nor constant luminance; its zscale filter does.
    upsampled = "format=yuv444p," if matrix in {"ycgco", "bt2020c"} else ""
    expected = (
        decode_first_frame(tools.ffmpeg, source)
        if not upsampled
        else decode_first_frame(
            tools.ffmpeg,
            source,
            filters=f"zscale=m=gbr:r=full:min={matrix}:p={primaries}:t=bt709,format=gbrp,",
        )
    )
    for _, path in result.rungs:
        assert np.abs(patches(decode_first_frame(tools.ffmpeg, path)) - patches(expected)).max() <= 5
        probed = probe_stream(tools.ffprobe, path)
        output_matrix = matrix if matrix in KNOWN_TO_PLAYERS else "bt2020nc" if "2020" in matrix else "bt709"
        assert (probed["color_space"], probed["color_range"]) == (output_matrix, "tv")
        assert probed["color_primaries"] == primaries
    assert np.abs(patches(decode_first_frame(tools.ffmpeg, result.poster)) - patches(expected)).max() <= 8


def test_untagged_ycbcr_stays_untagged(tools: Toolchain, tmp_path: Path) -> None:
    filters = "scale=out_color_matrix=bt601:out_range=limited,format=yuv420p"
    filters += ",setparams=colorspace=unknown:range=unknown"
    source = encoded(f"{tools.ffmpeg}", tmp_path / "a.mp4", *_X264, filters=filters)
    result = encode_source(source, tools, tmp_path)
    for _, path in result.rungs:
        assert "color_space" not in probe_stream(tools.ffprobe, path)
        assert (
            np.abs(
                patches(decode_first_frame(tools.ffmpeg, path))
                - patches(decode_first_frame(tools.ffmpeg, source))
            ).max()
            <= 4
        )


def test_an_rgb_tag_on_ycbcr_is_not_repeated(tools: Toolchain, tmp_path: Path) -> None:
    filters = "scale=out_color_matrix=bt601:out_range=limited,format=yuv420p"
    plain = encoded(f"{tools.ffmpeg}", tmp_path / "plain.mp4", *_X264, filters=filters)
    source = tmp_path / "a.mp4"
    argv = [f"{tools.ffmpeg}", "-v", "error", "-i", f"{plain}", "-c", "copy"]
    argv += ["-bsf:v", "h264_metadata=matrix_coefficients=0", f"{source}"]
    subprocess.run(argv, check=True, timeout=30)
    result = encode_source(source, tools, tmp_path)
    for _, path in result.rungs:
        assert probe_stream(tools.ffprobe, path).get("color_space") != "gbr"
        assert (
            np.abs(
                patches(decode_first_frame(tools.ffmpeg, path))
                - patches(decode_first_frame(tools.ffmpeg, source))
            ).max()
            <= 4
        )


@pytest.mark.parametrize("codec", ["ffv1", "rawvideo"])
def test_grey_has_the_brightness_that_ffmpeg_shows(codec: str, tools: Toolchain, tmp_path: Path) -> None:
    suffix = "mkv" if codec == "ffv1" else "avi"
    source = encoded(f"{tools.ffmpeg}", tmp_path / f"a.{suffix}", "-pix_fmt", "gray", "-c:v", codec)
    result = encode_source(source, tools, tmp_path)
    expected = patches(decode_first_frame(tools.ffmpeg, source))
    for path in [*(path for _, path in result.rungs), result.poster]:
        assert np.abs(patches(decode_first_frame(tools.ffmpeg, path)) - expected).max() <= 3


def test_a_matrix_that_ffmpeg_cannot_convert_is_rejected() -> None:
    with pytest.raises(UnsupportedError, match="matrix ipt-c2") as caught:
        require_convertible(facts("yuv420p10le", "ipt-c2"))
    assert caught.value.reason == "color-matrix"
    for matrix in (*MATRICES, "unknown", "gbr"):
        require_convertible(facts("yuv420p", matrix))


@pytest.mark.parametrize("hdr", ["smpte2084", "arib-std-b67"])
def test_some_matrices_are_accepted_only_with_some_transfers(hdr: str) -> None:
    require_convertible(facts("yuv420p10le", "ictcp", transfer=hdr))
    require_convertible(facts("yuv420p10le", "bt2020c", transfer="bt2020-10"))
    for matrix, transfer in (("ictcp", "bt709"), ("bt2020c", hdr), ("bt2020c", "iec61966-2-1")):
        with pytest.raises(UnsupportedError, match=f"{matrix} with the transfer {transfer}"):
            require_convertible(facts("yuv420p10le", matrix, transfer=transfer))


@pytest.mark.parametrize(
    ("pixel_format", "probed"),
    [
        ("gbrp", "rgb"), ("gbrap12le", "rgb alpha"), ("rgb24", "rgb"), ("bgr0", "rgb"), ("0rgb", "rgb"),
        ("argb", "rgb alpha"), ("abgr", "rgb alpha"), ("bgra", "rgb alpha"), ("rgb48be", "rgb"),
        ("rgba64le", "rgb alpha"), ("x2rgb10le", "rgb"), ("pal8", "rgb"), ("xyz12le", "rgb"),
        ("rgb555be", "rgb"),
        ("gray", "grey"), ("gray10le", "grey"), ("ya8", "grey alpha"), ("ya16be", "grey alpha"),
        ("monob", "grey"),
        ("yuv420p", ""), ("yuvj422p", ""), ("yuva444p12le", "alpha"), ("ayuv64le", "alpha"),
        ("nv12", ""), ("p010le", ""),
    ],
)  # fmt: skip
def test_pixel_formats_are_classified(pixel_format: str, probed: str) -> None:
    found = {"rgb": is_rgb(pixel_format), "grey": is_grey(pixel_format), "alpha": has_alpha(pixel_format)}
    assert " ".join(name for name, holds in found.items() if holds) == probed


def test_matrices_that_players_support_are_kept() -> None:
    kept = {matrix for matrix in (*MATRICES, "unknown", "gbr") if keeps_matrix(facts("yuv420p", matrix))}
    assert kept == KNOWN_TO_PLAYERS | {"unknown"}
    assert not keeps_matrix(facts("gbrp", "gbr"))
    assert not keeps_matrix(facts("rgb24"))


_PALE = (
    "color=0x806040:s=80x46:r=10:d=0.4[a];color=0x208020:s=80x46:r=10:d=0.4[b];"
    "color=0x404080:s=80x46:r=10:d=0.4[c];color=0x707070:s=80x46:r=10:d=0.4[d];"
    "[a][b]hstack[t];[c][d]hstack[u];[t][u]vstack,format=gbrp10le,"
    "setparams=color_primaries=bt2020:color_trc=smpte2084"
)
_X265 = ("-c:v", "libx265", "-crf", "1", "-preset", "ultrafast", "-x265-params", "log-level=error")


def test_hdr_of_every_matrix_is_tone_mapped_to_the_same_colours(tools: Toolchain, tmp_path: Path) -> None:
    kinds = {
        "bt2020nc": "zscale=m=2020_ncl:r=limited,format=yuv420p10le",
        "ictcp": "zscale=m=ictcp:r=limited,format=yuv420p10le",
        "rgb": "setparams=colorspace=gbr",
    }
    found = {}
    for name, filters in kinds.items():
        work = tmp_path / name
        work.mkdir()
        argv = [f"{tools.ffmpeg}", "-v", "error", "-f", "lavfi", "-i", f"{_PALE},{filters}", *_X265]
        subprocess.run([*argv, f"{work / 'a.mp4'}"], check=True, timeout=60)
        result = encode_source(work / "a.mp4", tools, work)
        assert result.facts.video.hdr
        found[name] = [
            patches(decode_first_frame(tools.ffmpeg, path))
            for path in [*(path for _, path in result.rungs), result.poster]
        ]
    for name in ("ictcp", "rgb"):
        assert np.abs(np.array(found[name]) - np.array(found["bt2020nc"])).max() <= 4, name
