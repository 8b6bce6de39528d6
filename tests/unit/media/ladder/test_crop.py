from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import pytest

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.crop import Crop, cropped_facts, decoded_crop, exact_size, upright_crop
from eddyline.media.ladder.ladder import Rung, rungs
from eddyline.media.ladder.profile import CropSettings, load_profile
from eddyline.media.source.source import VideoFacts


def _facts(width: int = 1920, height: int = 1080, **more: Any) -> VideoFacts:
    values = {"codec": "h264", "pixel_format": "yuv420p", "frames": 90, "fps": Fraction(30), "timescale": 30}
    return VideoFacts(width=width, height=height, **{**values, **more})


@pytest.mark.parametrize(
    ("facts", "settings", "expected"),
    [
        (_facts(), CropSettings(aspect="9:16"), Crop(656, 0, 608, 1080)),
        (_facts(), CropSettings(aspect="9:16", x=0), Crop(0, 0, 608, 1080)),
        (_facts(), CropSettings(aspect="9:16", x=1), Crop(1312, 0, 608, 1080)),
        (_facts(), CropSettings(aspect="16:9"), None),
        (_facts(), CropSettings(aspect="2:1", y=1), Crop(0, 120, 1920, 960)),
        # The width counts as displayed: 1440 pixels of 4:3 are 1920.
        (_facts(1440, pixel_aspect=Fraction(4, 3)), CropSettings(aspect="1:1"), Crop(316, 0, 808, 1080)),
        # Portrait by rotation: the right of the upright frame is the top of the decoded one.
        (_facts(rotation=90), CropSettings(aspect="9:16"), None),
        (_facts(rotation=90), CropSettings(aspect="1:1", y=0), Crop(0, 0, 1080, 1080)),
        (_facts(rotation=270), CropSettings(aspect="1:1", y=0), Crop(840, 0, 1080, 1080)),
        (_facts(rotation=90), CropSettings(aspect="1:2", x=1), Crop(0, 0, 1920, 960)),
        (_facts(rotation=90, mirrored=True), CropSettings(aspect="1:1", y=0), Crop(840, 0, 1080, 1080)),
        (_facts(rotation=180), CropSettings(aspect="1:1", x=0), Crop(840, 0, 1080, 1080)),
        (_facts(mirrored=True), CropSettings(aspect="1:1", x=0), Crop(840, 0, 1080, 1080)),
    ],
)
def test_the_rectangle_is_that_of_the_upright_frame(
    facts: VideoFacts, settings: CropSettings, expected: Crop | None
) -> None:
    assert decoded_crop(settings, facts) == expected


@pytest.mark.parametrize(("rotation", "mirrored"), [*product((0, 90, 180, 270), (False, True))])
def test_the_upright_rectangle_is_where_the_profile_places_it(rotation: int, mirrored: bool) -> None:  # noqa: FBT001
    facts = _facts(rotation=rotation, mirrored=mirrored)
    crop = decoded_crop(CropSettings(aspect="1:1", x=0, y=1), facts)
    assert crop is not None
    portrait = rotation in {90, 270}
    assert upright_crop(crop, facts) == (Crop(0, 840, 1080, 1080) if portrait else Crop(0, 0, 1080, 1080))
    assert 0 <= crop.left <= facts.width - crop.width
    assert 0 <= crop.top <= facts.height - crop.height


@pytest.mark.parametrize("facts", [_facts(projection="equirectangular"), _facts(rotation=30)])
def test_spherical_and_slanted_video_cannot_be_cropped(facts: VideoFacts) -> None:
    with pytest.raises(UnsupportedError, match="cannot be cropped"):
        decoded_crop(CropSettings(aspect="1:1"), facts)


def test_without_crop_the_facts_stay_the_same() -> None:
    assert cropped_facts(decoded_crop(None, _facts()), _facts()) == _facts()
    assert exact_size(None, 1919, 1079) == (1919, 1079)


@pytest.mark.parametrize(
    ("profile", "size", "expected"),
    [
        ("vertical", (3840, 2160), (1080, 1920)),
        ("vertical", (5312, 2988), (1080, 1920)),
        ("vertical", (1920, 1080), (608, 1080)),  # never enlarged
        ("square", (1920, 1080), (1080, 1080)),
        ("square", (1280, 720), (720, 720)),
    ],
)
def test_the_profiles_for_social_networks_give_one_file_of_the_exact_shape(
    profile: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    (rung,) = rungs(load_profile(profile), _facts(*size))
    assert (rung.width, rung.height) == expected
    assert Rung.from_json(rung.to_json()) == rung
