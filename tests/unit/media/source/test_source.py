from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from eddyline.media.source.source import AudioFacts, SourceFacts, TelemetryFacts, VideoFacts


def _video(**changes: object) -> VideoFacts:
    values: dict[str, Any] = {
        "codec": "h264",
        "width": 1440,
        "height": 1080,
        "fps": Fraction(30000, 1001),
        "frames": 300,
        "pixel_format": "yuv420p",
        "timescale": 90000,
        **changes,
    }
    return VideoFacts(**values)


def test_facts_round_trip_through_json() -> None:
    facts = SourceFacts(
        bytes=1,
        fingerprint="ab",
        duration_s=10.01,
        container="mp4",
        video=_video(pixel_aspect=Fraction(4, 3), rotation=90),
        audio=(AudioFacts(track=2, codec="aac", channels=2, sample_rate=48000, language="eng"),),
        telemetry=TelemetryFacts(payloads=13, bytes=96440, sha256="cd"),
    )
    plain = json.loads(json.dumps(facts.to_json()))
    assert plain["video"]["fps"] == "30000/1001"
    assert SourceFacts.from_json(plain) == facts


def test_facts_without_audio_and_telemetry_round_trip() -> None:
    facts = SourceFacts(bytes=1, fingerprint="ab", duration_s=1.0, container="mov", video=_video())
    assert SourceFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


@pytest.mark.parametrize(
    ("rotation", "shown"), [(0, (1920, 1080)), (90, (1080, 1920)), (180, (1920, 1080)), (270, (1080, 1920))]
)
def test_display_size_applies_pixel_aspect_and_then_rotation(rotation: int, shown: tuple[int, int]) -> None:
    video = _video(pixel_aspect=Fraction(4, 3), rotation=rotation)
    assert (video.display_width, video.display_height) == shown


@pytest.mark.parametrize(
    ("transfer", "hdr"), [("smpte2084", True), ("arib-std-b67", True), ("bt709", False), ("unknown", False)]
)
def test_pq_and_hlg_are_hdr(transfer: str, hdr: bool) -> None:  # noqa: FBT001 - a table's column
    assert _video(transfer=transfer).hdr is hdr
