"""Projected frames against a sphere that is known for every direction: places, seams, orientation, views."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tests.unit.media.eac_clips import (
    COLOURS,
    FACES,
    MAX_3K,
    MAX_5K,
    Geometry,
    Image,
    Scene,
    faces,
    sphere_directions,
    sphere_image,
    track_image,
    view_image,
    waves,
)

from eddyline.media.source import eac_layout
from eddyline.media.source.eac_layout import EacLayout
from eddyline.media.source.source import SphereFacts, VideoFacts, View
from eddyline.media.video.sphere_facts import join_facts
from eddyline.media.video.sphere_filters import decoded_facts, projected_facts, sphere_chains

SMALL = Geometry(568, 184, 192, 4)  # a quarter of the 3K layout
STRETCHED = Geometry(
    1024, 336, 344, 8
)  # a quarter of the 5.6K layout, whose side faces are narrower than high


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> Geometry:
    """Layouts for tests that need no real size."""
    added = [
        EacLayout(width=each.width, height=each.height, side=each.side, blend=each.blend)
        for each in (SMALL, STRETCHED)
    ]
    monkeypatch.setattr(eac_layout, "LAYOUTS", (*eac_layout.LAYOUTS, *added))
    return SMALL


def _facts(geometry: Geometry, *, view: View | None = None, pixels: str = "yuvj420p") -> VideoFacts:
    decoded = VideoFacts(
        codec="hevc", width=geometry.width, height=geometry.height, fps=Fraction(30), frames=1,
        pixel_format=pixels, transfer="bt709", primaries="bt709", matrix="bt709", full_range=True,
        timescale=30,
    )  # fmt: skip
    joined = join_facts(decoded, decoded, 2)
    assert joined.sphere is not None
    return replace(joined, sphere=replace(joined.sphere, view=view))


def _run(
    ffmpeg: str, work: Path, inputs: Sequence[Sequence[Image]], facts: VideoFacts, size: tuple[int, int]
) -> list[Image]:
    """All projected frames as RGB; FFmpeg converts them by their tags."""
    width, height = size
    # To RGB by FFmpeg, which also checks that range and matrix are tagged.
    to_rgb = "scale=flags=accurate_rnd+full_chroma_inp+full_chroma_int"
    values = _project(ffmpeg, work, inputs, facts, size, f"{to_rgb},format=rgb24")
    return list(values.reshape(-1, height, width, 3).astype(float))


def _planes(
    ffmpeg: str, work: Path, inputs: Sequence[Sequence[Image]], facts: VideoFacts, size: tuple[int, int]
) -> tuple[Image, Image]:
    """Luma [height, width] and both chroma planes [2, height / 2, width / 2] of a frame, from 0 to 255."""
    width, height = size
    values = _project(ffmpeg, work, inputs, facts, size, "null")
    if facts.pixel_format.endswith("10le"):
        samples: Image = values.view("<u2") * (255 / 1023)
    else:
        samples = values.astype(float)
    luma, chroma = np.split(samples, [width * height])
    return luma.reshape(height, width), chroma.reshape(2, height // 2, width // 2)


def _project(
    ffmpeg: str,
    work: Path,
    inputs: Sequence[Sequence[Image]],
    facts: VideoFacts,
    size: tuple[int, int],
    last: str,
) -> npt.NDArray[np.uint8]:
    opened: list[str] = []
    chains: list[str] = []
    pixels = facts.pixel_format.replace("yuvj", "yuv")
    convert = "out_color_matrix=bt709:out_range=full:flags=accurate_rnd+full_chroma_inp+full_chroma_int"
    for number, frames in enumerate(inputs):
        raw = work / f"{number}.rgb"
        raw.write_bytes(
            b"".join(np.clip(np.rint(frame), 0, 255).astype(np.uint8).tobytes() for frame in frames)
        )
        height, width, _ = frames[0].shape
        opened += [
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{width}x{height}",
            "-r",
            "30",
            "-i",
            str(raw),
        ]
        chains.append(f"[{number}:v]scale={convert},format={pixels}[in{number}]")
    names = [f"in{number}" for number in range(len(inputs))]
    chains += [*sphere_chains(facts, size, sources=names, out="sphere"), f"[sphere]{last}[out]"]
    argv = [ffmpeg, "-v", "error", *opened, "-filter_complex", ";".join(chains), "-map", "[out]"]
    done = subprocess.run([*argv, "-f", "rawvideo", "-"], check=True, capture_output=True)
    return np.frombuffer(done.stdout, np.uint8)


def _yuv(rgb: Image) -> tuple[Image, Image]:
    """Luma and averaged chroma at full range, by ITU-R BT.709."""
    height, width, _ = rgb.shape
    luma = rgb @ [0.2126, 0.7152, 0.0722]
    chroma = np.stack([(rgb[..., 2] - luma) / 1.8556, (rgb[..., 0] - luma) / 1.5748]) + 127.5
    return luma, chroma.reshape(2, height // 2, 2, width // 2, 2).mean((2, 4))


def _tracks(geometry: Geometry, scene: Scene) -> list[list[Image]]:
    return [[track_image(geometry, names, scene)] for names in FACES]


def _psnr(image: Image, expected: Image, where: Image | None = None) -> float:
    error = (image - np.clip(expected, 0, 255)) ** 2
    return float(10 * np.log10(255**2 / (error if where is None else error[where.astype(bool)]).mean()))


def _seams(size: tuple[int, int], geometry: Geometry) -> tuple[Image, Image]:
    """Pixels within 1.5 pixels of an edge of the cube, and those where two lenses are blended."""
    width, height = size
    longitude = ((np.arange(width) + 0.5) / width * 2 - 1) * np.pi
    latitude = ((np.arange(height) + 0.5) / height - 0.5) * np.pi
    rays = sphere_directions(*np.meshgrid(longitude, latitude))
    ordered = np.sort(np.abs(rays), -1)
    from_edge = np.abs(np.arctan2(ordered[..., 2], ordered[..., 1]) - np.pi / 4)
    across = np.maximum(np.abs(rays[..., 0]), np.abs(rays[..., 1]))
    from_middle = np.abs(np.arctan2(rays[..., 2], across))
    blended = np.pi / 2 * (geometry.blend + 1) / geometry.face
    return from_edge < 1.5 * 2 * np.pi / width, from_middle < blended


@pytest.mark.parametrize(
    ("geometry", "width", "pixels"),
    [
        (MAX_3K, 1280, "yuvj420p"),
        (SMALL, 736, "yuvj420p"),
        (SMALL, 736, "yuv420p10le"),
        (STRETCHED, 960, "yuvj420p"),
    ],
    ids=["3K", "full size", "10 bits", "stretched faces"],
)
def test_a_pair_becomes_the_sphere_it_was_made_of(
    ffmpeg: str, tmp_path: Path, geometry: Geometry, width: int, pixels: str
) -> None:
    facts = _facts(geometry, pixels=pixels)
    assert (facts.width, facts.height) == (4 * geometry.face, 2 * geometry.face)
    _compare_with_sphere(ffmpeg, tmp_path, geometry, facts, (width, width // 2))


def _compare_with_sphere(
    ffmpeg: str, work: Path, geometry: Geometry, facts: VideoFacts, size: tuple[int, int]
) -> None:
    luma, chroma = _planes(ffmpeg, work, _tracks(geometry, waves), facts, size)
    expected, expected_chroma = _yuv(sphere_image(*size, waves))
    edges, blended = _seams(size, geometry)
    elsewhere = _psnr(luma, expected, ~(edges | blended))
    assert elsewhere > 48  # measured: 49.6 to 54.4 dB
    assert _psnr(luma, expected, edges) > elsewhere - 1
    assert _psnr(luma, expected, blended) > elsewhere - 1
    assert _psnr(chroma, expected_chroma) > 45
    for moved in (np.roll(expected, 1, 0), np.roll(expected, 1, 1)):
        assert _psnr(luma, moved) < elsewhere - 3  # a shift by one pixel would show


def test_all_six_faces_are_in_place_and_upright(ffmpeg: str, tmp_path: Path, small: Geometry) -> None:
    size = (736, 368)
    (image,) = _run(ffmpeg, tmp_path, _tracks(small, faces), _facts(small), size)
    expected = sphere_image(*size, faces)
    places = {"front": (0.5, 0.5), "right": (0.75, 0.5), "left": (0.25, 0.5), "back": (0.001, 0.5)}
    places |= {"up": (0.45, 0.02), "down": (0.45, 0.98)}
    for name, (across, down) in places.items():
        row, column = int(down * size[1]), int(across * size[0])
        nearest = min(COLOURS, key=lambda each: np.abs(_hue(COLOURS[each]) - _hue(image[row, column])).sum())
        assert nearest == name
    # Each face has four shades, so that a turned or mirrored face differs in whole quarters.
    assert (np.abs(image - expected).max(-1) > 24).mean() < 0.05


def _hue(colour: Sequence[float]) -> Image:
    values = np.asarray(colour, float)
    hue: Image = values / values.sum()
    return hue


@pytest.mark.parametrize(
    ("yaw", "pitch", "roll", "fov"),
    [(0, 0, 0, 90), (90, 0, 0, 60), (-150, 20, 0, 100), (30, -80, 15, 120), (180, 0, -45, 40)],
)
def test_a_flat_view_shows_what_is_in_its_direction(
    ffmpeg: str, tmp_path: Path, small: Geometry, yaw: float, pitch: float, roll: float, fov: float
) -> None:
    size = (320, 180)
    facts = _facts(small, view=View(yaw=yaw, pitch=pitch, roll=roll, fov=fov))
    (image,) = _run(ffmpeg, tmp_path, _tracks(small, waves), facts, size)
    assert _psnr(image, view_image(*size, fov, _turn(yaw, pitch, roll), waves)) > 36


def test_a_flat_view_of_equirectangular_video_is_the_same_view(ffmpeg: str, tmp_path: Path) -> None:
    view = View(yaw=-60, pitch=25, roll=10, fov=100)
    facts = VideoFacts(
        codec="h264", width=320, height=180, fps=Fraction(30), frames=1, pixel_format="yuvj420p",
        matrix="bt709", primaries="bt709", transfer="bt709", full_range=True, timescale=30,
        sphere=SphereFacts(width=1472, height=736, view=view),
    )  # fmt: skip
    size = (320, 180)
    (image,) = _run(ffmpeg, tmp_path, [[sphere_image(1472, 736, waves)]], facts, size)
    assert _psnr(image, view_image(*size, 100, _turn(-60, 25, 10), waves)) > 40


def _turn(yaw: float, pitch: float, roll: float) -> Image:
    """From directions of a view to those of the sphere: rolled clockwise, then lifted, then turned right."""
    (a, b, c) = np.radians([yaw, pitch, roll])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    lift = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    roll_ = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    matrix: Image = turn @ lift @ roll_
    return matrix


def test_exposures_of_two_lenses_are_blended_linearly(ffmpeg: str, tmp_path: Path, small: Geometry) -> None:
    """The front lens sees 180, the back lens 60: the overlap is a straight line between them."""
    inputs = []
    for front in (
        True,
        False,
    ):  # the first track begins and ends with the back lens, the second with the front
        outer, inner = (60.0, 180.0) if front else (180.0, 60.0)
        track = np.full((small.height, small.width, 3), inner)
        half = small.side // 2
        track[:, :half] = track[:, small.width - half :] = outer
        inputs.append([track])
    luma, _ = _planes(ffmpeg, tmp_path, inputs, _facts(small), (736, 368))
    horizon = luma[184]
    left = horizon[184 - 8 : 184 + 8]  # the middle of the left face, from the back to the front
    assert left[0] == pytest.approx(60, abs=1)
    assert left[-1] == pytest.approx(180, abs=1)
    # 120 levels over the 8 columns of the overlap.
    assert left[5:11] == pytest.approx(60 + 120 / 8 * (np.arange(6) + 1.5), abs=4)
    assert horizon[552 - 8 : 552 + 8] == pytest.approx(left[::-1], abs=1)


def test_the_output_ends_with_the_track_that_ends_first(ffmpeg: str, tmp_path: Path, small: Geometry) -> None:
    images = [track_image(small, names, faces) for names in FACES]
    for counts in ((4, 2), (2, 4)):
        inputs = [[image] * count for image, count in zip(images, counts, strict=True)]
        assert len(_run(ffmpeg, tmp_path, inputs, _facts(small), (128, 64))) == 2


def test_the_facts_follow_the_projection() -> None:
    facts = replace(_facts(MAX_5K), variable_rate=True)
    assert (facts.width, facts.height, facts.projection) == (5376, 2688, "equirectangular")
    decoded = decoded_facts(facts)
    assert (decoded.width, decoded.height, decoded.variable_rate) == (4096, 1344, False)
    projected = projected_facts(facts, 1920, 960)
    assert (projected.width, projected.height, projected.pixel_format) == (1920, 960, "yuv420p")
    plain = replace(facts, sphere=None)
    assert decoded_facts(plain) is plain
    with pytest.raises(ValueError, match="not projected"):
        sphere_chains(plain, (2, 2), sources=["a"], out="b")
