"""Facts of a source with default values for tests."""

from __future__ import annotations

from fractions import Fraction

from eddyline.media.source.source import AudioFacts, SourceFacts, TelemetryFacts, VideoFacts


def facts(
    *, frames: int = 1000, width: int = 1920, height: int = 1080, audio: int = 1, telemetry: bool = False
) -> SourceFacts:
    """A 29.97 fps camera clip."""
    rate = Fraction(30000, 1001)
    return SourceFacts(
        bytes=1_000_000,
        fingerprint="ab" * 32,
        duration_s=round(float(frames / rate), 6),
        container="mp4",
        video=VideoFacts(
            codec="h264",
            width=width,
            height=height,
            fps=rate,
            frames=frames,
            pixel_format="yuv420p",
            timescale=30000,
        ),
        audio=tuple(
            AudioFacts(track=2 + index, codec="aac", channels=2, sample_rate=48000) for index in range(audio)
        ),
        telemetry=TelemetryFacts(payloads=3, bytes=300, sha256="cd" * 32) if telemetry else None,
    )
