"""Limits of a profile for single files: the duration of the source, and the bytes of each rendition.

A rendition stays below its limit because its maximum rate does: with a buffer of two seconds at that rate,
the video has at most the rate times (duration + 2 s). Audio, telemetry and the index are reserved before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from eddyline.core.errors import UnsupportedError
from eddyline.media.audio.renditions import audio_renditions
from eddyline.media.ladder.ladder import Rung
from eddyline.media.ladder.profile import Profile
from eddyline.media.source.source import SourceFacts

_BUFFER_S = 2  # seconds at the maximum rate
_SHARE = Fraction(95, 100)  # of the limit; encoders exceed their maximum rate slightly
_FIXED = 64 * 1024  # bytes: header, chapters, user data
_SAMPLE = 24  # bytes of the index for a sample of video or audio
_MIN_KBPS = 50
_AAC_FRAME = 1024  # samples
_MIN_BITS = Fraction(1, 100)  # per pixel; with less, no encoder gives a usable picture


def with_size_limit(ladder: Sequence[Rung], profile: Profile, facts: SourceFacts) -> tuple[Rung, ...]:
    """The rungs with rates that keep their renditions below `profile.max_bytes`.

    Raises `UnsupportedError` if the source is too long for the profile, or for its size limit.
    """
    longest = profile.max_duration_s
    if longest is not None and facts.duration_s > longest:
        raise UnsupportedError(
            f"the source lasts {facts.duration_s:.1f} s; the profile {profile.name} allows {longest:g} s",
            remedy=f"cut it: eddyline trim SOURCE --from 0 --to {longest:g}",
            reason="too-long",
        )
    if profile.max_bytes is None:
        return tuple(ladder)
    return tuple(_limited(rung, profile, profile.max_bytes, facts) for rung in ladder)


def check_size(rung: Rung, profile: Profile, size: int) -> None:
    """Raise `UnsupportedError` if a finished rendition of `size` bytes exceeds the limit of the profile."""
    if profile.max_bytes is not None and size > profile.max_bytes:
        raise UnsupportedError(
            f"rendition {rung.name} has {size:,} bytes, more than max_bytes ({profile.max_bytes:,})",
            remedy=f"lower maxrate_kbps of this rung below {rung.maxrate_kbps}, or raise max_bytes",
            reason="too-large",
        )


def _limited(rung: Rung, profile: Profile, limit: int, facts: SourceFacts) -> Rung:
    seconds = max(facts.video.frames / facts.video.fps, Fraction(facts.duration_s))
    bits = 8 * (limit * _SHARE - _other_bytes(rung, profile, facts, seconds))
    kbps = int(bits / (seconds + _BUFFER_S) / 1000)
    frames = rung.frame_count(facts.video.frames)
    least = max(_MIN_KBPS, round(rung.width * rung.height * frames / seconds * _MIN_BITS / 1000))
    if kbps < least:
        raise UnsupportedError(
            f"{float(seconds):.1f} s of video do not fit {limit:,} bytes at {rung.width}x{rung.height}",
            remedy="cut the source (eddyline trim), use a smaller rung, or raise max_bytes in the profile",
            reason="too-long",
        )
    if kbps >= rung.maxrate_kbps:
        return rung
    return replace(rung, maxrate_kbps=kbps, bufsize_kbps=min(rung.bufsize_kbps, _BUFFER_S * kbps))


def _other_bytes(rung: Rung, profile: Profile, facts: SourceFacts, seconds: Fraction) -> int:
    """What a rendition contains beside the frames, estimated from above."""
    renditions = audio_renditions(facts.audio, profile.audio.codec)
    audio = sum(profile.audio.kbps_per_channel * max(each.mix.channels, 1) * 125 for each in renditions)
    rate = sum(Fraction(facts.audio[each.track].sample_rate, _AAC_FRAME) for each in renditions)
    samples = rung.frame_count(facts.video.frames) + rate * seconds
    telemetry = facts.telemetry.bytes if facts.telemetry else 0
    return round(audio * seconds + _SAMPLE * samples) + telemetry + _FIXED
