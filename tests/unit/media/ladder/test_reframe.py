"""The view of a profile: its option, its limits, and the digests of profiles without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from eddyline.core.errors import UsageError
from eddyline.media.ladder.profile import Profile, load_profile
from eddyline.media.ladder.reframe import ReframeSettings, with_reframe

PROFILE = load_profile("fast")


def test_an_option_sets_the_view_of_a_profile() -> None:
    assert with_reframe(PROFILE, "") is PROFILE
    framed = with_reframe(PROFILE, "yaw=-30.5, pitch=10 ,fov=90,aspect=9:16")
    assert framed.reframe == ReframeSettings(yaw=-30.5, pitch=10, roll=0, fov=90, aspect="9:16")
    assert framed.reframe.sides == (9, 16)
    assert framed.digest() != PROFILE.digest()
    assert Profile.model_validate(framed.model_dump(mode="json")) == framed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yaw", "'yaw' is not a new NAME=VALUE"),
        ("yaw=1,yaw=2", "is not a new NAME=VALUE"),
        ("yaw=1e9", "is not a new NAME=VALUE"),
        ("yaw=200", "yaw: Input should be less than or equal to 180"),
        ("fov=5", "fov: Input should be greater than or equal to 10"),
        ("zoom=2", "zoom: Extra inputs are not permitted"),
        ("aspect=16x9", "is not a new NAME=VALUE"),
        ("aspect=0:9", "aspect: String should match pattern"),
        ("pitch=.", "'.' is not a number"),
    ],
)
def test_an_invalid_option_is_refused_with_an_example(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        with_reframe(PROFILE, text)
    assert message in raised.value.message
    assert "yaw=30" in str(raised.value.remedy)


def test_a_profile_without_a_view_keeps_its_digest(tmp_path: Path) -> None:
    assert "reframe" not in PROFILE.model_dump(mode="json")
    file = tmp_path / "own.yaml"
    file.write_text(
        "rungs: [{height: 90, codec: h264, crf: 23, preset: fast, maxrate_kbps: 500, bufsize_kbps: 1000}]\n"
        "reframe: {yaw: 30, fov: 90.5}\n"
    )
    assert load_profile(str(file)).reframe == ReframeSettings(yaw=30, fov=90.5)
