from __future__ import annotations

from fractions import Fraction

import pytest

from eddyline.core.errors import UnsupportedError
from eddyline.media.ladder.ladder import rungs
from eddyline.media.ladder.profile import Profile, load_profile
from eddyline.media.ladder.size_limit import check_size, with_size_limit
from eddyline.media.source.source import AudioFacts, SourceFacts, TelemetryFacts, VideoFacts

_FPS = 30


def _source(seconds: int, *, telemetry: int = 0) -> SourceFacts:
    video = VideoFacts(
        codec="h264", width=1920, height=1080, fps=Fraction(_FPS), frames=seconds * _FPS, timescale=_FPS,
        pixel_format="yuv420p",
    )  # fmt: skip
    return SourceFacts(
        bytes=1,
        fingerprint="",
        duration_s=float(seconds),
        container="mov",
        video=video,
        audio=(AudioFacts(track=2, codec="aac", channels=2, sample_rate=48_000),),
        telemetry=TelemetryFacts(payloads=1, bytes=telemetry, sha256="") if telemetry else None,
    )


def _profile(**limits: float) -> Profile:
    return load_profile("fast").model_copy(update=limits)


def _rates(profile: Profile, facts: SourceFacts) -> list[tuple[int, int]]:
    limited = with_size_limit(rungs(profile, facts.video), profile, facts)
    return [(rung.maxrate_kbps, rung.bufsize_kbps) for rung in limited]


def test_a_limit_that_is_never_reached_changes_nothing() -> None:
    assert _rates(_profile(max_bytes=10**9), _source(60)) == [(4500, 9000), (1200, 2400)]


def test_rates_are_limited_by_size_and_duration() -> None:
    limit, seconds = 20_000_000, 60
    rates = _rates(_profile(max_bytes=limit), _source(seconds))
    (top, buffer), low = rates
    assert low == (1200, 2400)
    assert buffer == 2 * top
    video, audio = top * 125 * (seconds + 2), 2 * 64 * 125 * seconds
    assert 0.9 * limit < video + audio < 0.97 * limit
    assert _rates(_profile(max_bytes=limit), _source(seconds, telemetry=5_000_000))[0][0] < 0.8 * top


def test_a_source_that_cannot_fit_is_refused_with_a_remedy() -> None:
    with pytest.raises(UnsupportedError, match="do not fit") as error:
        _rates(_profile(max_bytes=1_000_000), _source(600))
    assert "trim" in error.value.remedy


def test_a_longer_source_than_the_profile_allows_is_refused() -> None:
    assert _rates(_profile(max_duration_s=60.0), _source(60))
    with pytest.raises(UnsupportedError, match=r"lasts 61.0 s; the profile fast allows 60 s") as error:
        _rates(_profile(max_duration_s=60.0), _source(61))
    assert "eddyline trim SOURCE --from 0 --to 60" in error.value.remedy


def test_a_finished_rendition_above_the_limit_is_refused() -> None:
    facts, profile = _source(60), _profile(max_bytes=10**6)
    rung = rungs(profile, facts.video)[0]
    check_size(rung, profile, 10**6)
    check_size(rung, _profile(), 10**9)
    with pytest.raises(UnsupportedError, match="more than max_bytes"):
        check_size(rung, profile, 10**6 + 1)
