"""Source, renditions and stream have the same duration."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from eddyline.core.errors import ProofError
from eddyline.media.streaming.durations import Durations, StreamDurations

FPS = Fraction(30000, 1001)
EQUAL = Durations(
    source=21.97,
    decoded=21.97,
    renditions={"1080p": 21.97, "720p": 21.985},
    stream=StreamDurations(hls={"video/1080p.m3u8": 21.95}, dash={"video/1080p/init.mp4": 21.97}),
)


def test_durations_that_agree_within_a_frame_pass() -> None:
    EQUAL.verify(FPS)
    replace(EQUAL, decoded=None, stream=None).verify(FPS)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"decoded": 2.0}, "FFmpeg's decode of the original has a duration of 2.000 s"),
        ({"renditions": {"1080p": 21.97, "720p": 21.9}}, "rendition 720p has a duration of 21.900 s"),
        (
            {"stream": StreamDurations(hls={"a.m3u8": 2.0}, dash={})},
            "a.m3u8 has a duration of 2.000 s, the source 21.970",
        ),
        ({"stream": StreamDurations(hls={}, dash={"b.mp4": 22.1})}, "b.mp4 has a duration of 22.100 s"),
    ],
)
def test_a_duration_that_differs_by_more_than_a_frame_is_reported(
    wrong: dict[str, object], named: str
) -> None:
    with pytest.raises(ProofError, match=named):
        replace(EQUAL, **wrong).verify(FPS)  # type: ignore[arg-type]


def test_a_stream_may_start_at_a_late_first_frame() -> None:
    late = StreamDurations(hls={"a.m3u8": 20.97}, dash={"b.mp4": 20.97})
    replace(EQUAL, stream=late, first=1.0).verify(FPS)
    with pytest.raises(ProofError):
        replace(EQUAL, stream=late).verify(FPS)


def test_the_end_of_the_decode_may_differ_by_its_slack() -> None:
    replace(EQUAL, decoded=22.1, slack=0.16).verify(FPS)
    with pytest.raises(ProofError):
        replace(EQUAL, decoded=22.2, slack=0.16).verify(FPS)
