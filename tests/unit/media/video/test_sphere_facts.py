"""The facts of spherical video: joined tracks, flat views, and what a profile cannot frame."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from tests.unit.pipeline.source_facts import facts as source_facts

from eddyline.core.errors import InputError, UnsupportedError
from eddyline.media.ladder.ladder import rungs
from eddyline.media.ladder.profile import Profile, load_profile
from eddyline.media.ladder.reframe import ReframeSettings, with_reframe
from eddyline.media.source.source import SourceFacts, VideoFacts, View
from eddyline.media.video.sphere_facts import join_facts, view_size, with_view

PROFILE = load_profile("default")


def _reframed(text: str) -> Profile:
    return with_reframe(PROFILE, text)


def _track() -> VideoFacts:
    video = source_facts().video
    return replace(video, codec="hevc", width=4096, height=1344, pixel_format="yuvj420p", rotation=90)


def _sphere() -> SourceFacts:
    return replace(source_facts(), video=join_facts(_track(), _track(), 6))


def test_a_pair_is_equirectangular_video_of_four_faces() -> None:
    video = _sphere().video
    assert (video.width, video.height, video.rotation) == (5376, 2688, 0)
    assert (video.projection, video.pixel_aspect) == ("equirectangular", Fraction(1))
    assert video.sphere is not None
    assert (video.sphere.width, video.sphere.height, video.sphere.second_track) == (4096, 1344, 6)
    ladder = rungs(PROFILE, video)
    assert [(rung.width, rung.height) for rung in ladder[:2]] == [(3840, 1920), (2560, 1280)]


def test_tracks_of_different_formats_are_refused() -> None:
    with pytest.raises(InputError, match="differ in pixel_format: yuvj420p and yuv420p10le"):
        join_facts(_track(), replace(_track(), pixel_format="yuv420p10le"), 2)


def test_sizes_and_formats_that_are_unknown_are_refused() -> None:
    odd = replace(_track(), width=4032)
    with pytest.raises(UnsupportedError, match="4032x1344"):
        join_facts(odd, odd, 2)
    packed = replace(_track(), pixel_format="yuv422p")
    with pytest.raises(UnsupportedError, match="yuv422p"):
        join_facts(packed, packed, 2)


def test_a_profile_with_a_view_makes_flat_video() -> None:
    framed = with_view(_sphere(), _reframed("yaw=30,pitch=-10,fov=90"))
    video = framed.video
    assert (video.width, video.height, video.projection) == (1712, 962, "")
    assert video.sphere is not None
    assert video.sphere.view == View(yaw=30, pitch=-10, roll=0, fov=90)
    (omitted,) = framed.left_out
    assert (omitted.kind, omitted.what) == ("spherical", "the sphere outside of the flat view")
    assert omitted.why == "the profile frames yaw 30, pitch -10, roll 0, fov 90 degrees"
    assert SourceFacts.from_json(framed.to_json()) == framed


def test_flat_video_ignores_a_view_and_other_projections_are_refused() -> None:
    flat = source_facts()
    assert with_view(flat, _reframed("yaw=1")) is flat
    assert with_view(_sphere(), PROFILE).video.projection == "equirectangular"
    for changed in ({"projection": "half-equirectangular"}, {"stereo": 1}, {"height": 2000}):
        other = replace(_sphere().video, sphere=None, **changed)
        with pytest.raises(UnsupportedError, match="is not supported") as raised:
            with_view(replace(flat, video=other), _reframed("yaw=1"))
        assert raised.value.reason == "reframe"


def test_a_view_is_never_finer_than_the_sphere() -> None:
    assert view_size(ReframeSettings(fov=90, aspect="1:1"), 5376) == (1712, 1712)
    assert view_size(ReframeSettings(fov=90, aspect="9:16"), 5376) == (1712, 3042)
    assert view_size(ReframeSettings(fov=10), 2944) == (82, 46)


def test_hostile_values_of_a_stored_view_are_refused() -> None:
    plain = with_view(_sphere(), _reframed("yaw=1")).to_json()
    for value in ("1:w=9", float("nan"), float("inf"), True, 1e9):
        plain["video"]["sphere"]["view"]["yaw"] = value
        with pytest.raises(ValueError, match="not an angle"):
            SourceFacts.from_json(plain)
