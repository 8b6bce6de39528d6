"""The NumPy reference for projected frames, against a sphere that is known for every direction."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.media.eac_clips import (
    FACES,
    MAX_3K,
    Geometry,
    Image,
    sphere_image,
    track_image,
    view_image,
    waves,
)

from eddyline.media.frame_verification.png import RgbImage
from eddyline.media.frame_verification.sphere_reference import decoded_size, project
from eddyline.media.source import eac_layout
from eddyline.media.source.eac_layout import EacLayout
from eddyline.media.source.source import SphereFacts, View

SHAPE = (64, 32)


def _small(image: Image, size: tuple[int, int]) -> RgbImage:
    width, height = size
    rows, columns = image.shape[0] // height, image.shape[1] // width
    mean = image.reshape(height, rows, width, columns, 3).mean((1, 3))
    small: RgbImage = np.clip(np.rint(mean), 0, 255).astype(np.uint8)
    return small


def _psnr(a: Image, b: Image) -> float:
    return float(10 * np.log10(255**2 / ((a.astype(float) - b) ** 2).mean()))


STRETCHED = Geometry(
    1024, 336, 344, 8
)  # a quarter of the 5.6K layout, whose side faces are narrower than high


@pytest.mark.parametrize("geometry", [MAX_3K, STRETCHED], ids=["3K", "stretched faces"])
def test_a_pair_is_projected_to_the_mean_of_each_pixel(
    geometry: Geometry, monkeypatch: pytest.MonkeyPatch
) -> None:
    stretched = EacLayout(width=1024, height=336, side=344, blend=8)
    monkeypatch.setattr(eac_layout, "LAYOUTS", (*eac_layout.LAYOUTS, stretched))
    sphere = SphereFacts(width=geometry.width, height=geometry.height, second_track=2)
    size = decoded_size(sphere)
    assert size[1] <= 512
    frames = [_small(track_image(geometry, names, waves), size) for names in FACES]
    expected = sphere_image(1024, 512, waves).clip(0, 255).reshape(32, 16, 64, 16, 3).mean((1, 3))
    assert _psnr(project(frames, sphere, SHAPE), expected) > 38
    assert _psnr(project(frames[::-1], sphere, SHAPE), expected) < 20
    mirrored = [frame[:, ::-1] for frame in frames]
    assert _psnr(project(mirrored, sphere, SHAPE), expected) < 20


def test_equirectangular_frames_are_projected_to_a_view() -> None:
    sphere = SphereFacts(width=1024, height=512, view=View(yaw=180, pitch=0, roll=0, fov=90))
    frame = _small(sphere_image(1024, 512, waves), decoded_size(sphere))
    image = project([frame], sphere, (64, 36))
    behind = np.diag([-1.0, 1.0, -1.0])
    expected = view_image(512, 288, 90, behind, waves).clip(0, 255).reshape(36, 8, 64, 8, 3).mean((1, 3))
    assert _psnr(image, expected) > 38
    assert _psnr(image, expected[:, ::-1]) < 20
