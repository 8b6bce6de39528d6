"""Rules of the codecs that CODECS states: formats, profiles, levels (Apple items 1 and 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from eddyline.media.streaming.validation.codec_strings import Codec, is_known_and_invalid
from eddyline.media.streaming.validation.rule import Check, Rule, Violation, must, should
from eddyline.media.streaming.validation.rules.multivariant_rules import at
from eddyline.media.streaming.validation.stream_model import Stream, Variant

_ALLOWED = frozenset({"h264", "hevc", "dolby-vision", "av1"})
_HIGH, _MAIN_10 = 100, 2
_H264_SOME, _H264_MAX = 41, 52
_HEVC_SOME, _HEVC_MAX = 120, 153  # 30 times the level
_AV1_MAX = 18  # seq_level_idx of level 6.2
_OUTSIDE = {"avc3": "avc1", "hev1": "hvc1", "dvhe": "dvh1"}


def _both(stream: Stream) -> tuple[Variant, ...]:
    return (*stream.variants, *stream.iframes)


def _each(family: str, fits: Callable[[Codec], bool], required: str) -> Check:
    """A check that all codecs of a family fit."""

    def check(stream: Stream) -> Iterator[Violation]:
        for each in _both(stream):
            codec = each.video
            if codec and codec.family == family and codec.level >= 0 and not fits(codec):
                yield at(stream, each.reference, codec.text, required)

    return check


def _some(family: str, fits: Callable[[Codec], bool], required: str) -> Check:
    """A check that some codecs of a family fit, if it is used."""

    def check(stream: Stream) -> Iterator[Violation]:
        found = [each for each in stream.variants if each.video and each.video.family == family]
        if found and not any(each.video and fits(each.video) for each in found):
            yield at(stream, found[0].reference, found[0].get("CODECS"), required)

    return check


def _format(stream: Stream) -> Iterator[Violation]:
    for each in _both(stream):
        for codec in each.codecs:
            if is_known_and_invalid(codec) or not codec.entry.replace("-", "").isalnum():
                yield at(stream, each.reference, codec.text, "a codec with profile and level (RFC 6381)")


def _allowed(stream: Stream) -> Iterator[Violation]:
    for each in stream.variants:
        if each.video and each.video.family not in _ALLOWED:
            yield at(stream, each.reference, each.video.text, "H.264, HEVC, Dolby Vision or AV1")


def _in_description(stream: Stream) -> Iterator[Violation]:
    for each in _both(stream):
        if each.video and each.video.entry in _OUTSIDE:
            yield at(stream, each.reference, each.video.text, _OUTSIDE[each.video.entry])


def _container(stream: Stream) -> Iterator[Violation]:
    for each in _both(stream):
        needs = each.video and each.video.family in {"hevc", "av1", "dolby-vision"}
        if needs and each.playlist and each.playlist.entries and each.playlist.entries[0].init is None:
            yield at(stream, each.reference, "no EXT-X-MAP", "fragmented MP4")


def _subtitles(stream: Stream) -> Iterator[Violation]:
    for each in stream.variants:
        if each.codecs and each.get("SUBTITLES") and not any(codec.kind == "text" for codec in each.codecs):
            yield at(stream, each.reference, each.get("CODECS"), "wvtt or stpp.ttml.im1t as well")


RULES: tuple[Rule, ...] = (
    must(
        "RFC8216-4.3.4.2:codecs",
        "CODECS consists of codec strings of RFC 6381, with profile and level.",
        "write the codec string of the sample entry",
        _format,
    ),
    must(
        "APPLE-1.1",
        "Video is H.264, HEVC, Dolby Vision or AV1.",
        "encode with one of these codecs",
        _allowed,
    ),
    must(
        "APPLE-1.3b",
        "H.264 is at most High profile, level 5.2.",
        "encode in a smaller size, or with HEVC or AV1",
        _each(
            "h264", lambda each: each.profile <= _HIGH and each.level <= _H264_MAX, "High profile, level 5.2"
        ),
    ),
    should(
        "APPLE-1.3a",
        "Some H.264 variants are at most High profile, level 4.1.",
        "add smaller rungs",
        _some("h264", lambda each: each.level <= _H264_SOME, "a variant of at most level 4.1"),
    ),
    should(
        "APPLE-1.4",
        "H.264 has High profile.",
        "use a preset that is slower than ultrafast",
        _each("h264", lambda each: each.profile >= _HIGH, "High profile (avc1.64...)"),
    ),
    must(
        "APPLE-1.5",
        "HEVC, Dolby Vision and AV1 are in fragmented MP4 (also item 1.39).",
        "package as fragmented MP4",
        _container,
    ),
    must(
        "APPLE-1.6b",
        "HEVC is at most Main 10 profile, level 5.1.",
        "encode in a smaller size, or with 4:2:0 and 10 bits",
        _each(
            "hevc", lambda each: each.profile <= _MAIN_10 and each.level <= _HEVC_MAX, "Main 10, level 5.1"
        ),
    ),
    should(
        "APPLE-1.6a",
        "Some HEVC variants are at most Main 10, level 4.0, Main tier.",
        "add smaller rungs",
        _some(
            "hevc",
            lambda each: each.level <= _HEVC_SOME and not each.high_tier,
            "a variant of at most level 4.0, Main tier",
        ),
    ),
    should(
        "APPLE-1.10",
        "Parameter sets are in the sample description: avc1, hvc1, dvh1.",
        "package with avc1, hvc1 or dvh1",
        _in_description,
    ),
    must(
        "APPLE-1.37",
        "AV1 is at most level 6.2.",
        "encode in a smaller size",
        _each("av1", lambda each: each.level <= _AV1_MAX, "at most level 6.2"),
    ),
    should(
        "APPLE-5.10",
        "CODECS names the format of the subtitles.",
        "add wvtt (WebVTT) or stpp.ttml.im1t (IMSC1) to CODECS",
        _subtitles,
    ),
)
