"""Rules of the variants as a ladder: bit rates, sizes, frame rates, codec families, dynamic range."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from eddyline.media.streaming.stream_attributes import DEFAULT_BIT_RATE
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.rules.multivariant_rules import at
from eddyline.media.streaming.validation.stream_model import Stream, Variant

_HD_LINES, _UHD_LINES = 720, 2160
_UHD_BIT_RATE = 15_000_000
_MAX_RATE, _HDR_RATE = 60.0, 30.0
_RATES = (23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0)
_RATE_TOLERANCE = 0.02  # frames/s
_SAME_ASPECT = 0.02  # relative; sizes are rounded to even numbers of pixels
_OFF_BY = 4  # pixels: sizes of small rungs are rounded
_SIMILAR = frozenset({1, 2, 4})


def _families(stream: Stream) -> dict[tuple[str, str], list[Variant]]:
    families: dict[tuple[str, str], list[Variant]] = {}
    for each in stream.video_variants:
        if each.video is not None:
            families.setdefault(each.family, []).append(each)
    return families


def _lines(variant: Variant) -> int:
    return min(variant.size or (0, 0))


def _several(stream: Stream) -> Iterator[Violation]:
    found = stream.video_variants
    if len({each.reference.uri for each in found}) == 1:
        yield at(stream, found[0].reference, "one variant with video", "several bit rates")


def _two_at_the_top(stream: Stream) -> Iterator[Violation]:
    top = max(map(_lines, stream.video_variants), default=0)
    counts = [
        len({each.reference.uri for each in found if _lines(each) == top})
        for found in _families(stream).values()
    ]
    if top >= _HD_LINES and max(counts, default=2) < 2:  # noqa: PLR2004 - two variants
        first = next(each for each in stream.video_variants if _lines(each) == top)
        yield at(stream, first.reference, f"one variant with {top} lines", "at least two")


def _some_h264(stream: Stream) -> Iterator[Violation]:
    families = _families(stream)
    if families and not any(family == "h264" for family, _ in families):
        first = stream.video_variants[0]
        yield at(stream, first.reference, first.get("CODECS"), "some variants in H.264")


def _h264_first(stream: Stream) -> Iterator[Violation]:
    found = [each for each in stream.video_variants if each.video]
    if any(each.video and each.video.family == "h264" for each in found):
        first = found[0]
        if first.video and first.video.family != "h264":
            yield at(stream, first.reference, first.get("CODECS"), "an H.264 variant first")


def _max_rate(stream: Stream) -> Iterator[Violation]:
    for each in stream.video_variants:
        if each.rate > _MAX_RATE:
            yield at(stream, each.reference, f"FRAME-RATE={each.get('FRAME-RATE')}", "at most 60")


def _natural_rate(stream: Stream) -> Iterator[Violation]:
    for each in stream.video_variants:
        if each.rate and all(abs(each.rate - rate) > _RATE_TOLERANCE for rate in _RATES):
            required = "23.976, 24, 25, 29.97, 30, 50, 59.94 or 60"
            yield at(stream, each.reference, f"FRAME-RATE={each.get('FRAME-RATE')}", required)


def _similar_rates(stream: Stream) -> Iterator[Violation]:
    for members in _families(stream).values():
        rated = [each for each in members if each.rate]
        fastest = max((each.rate for each in rated), default=0.0)
        for each in rated:
            ratio = fastest / each.rate
            if round(ratio) not in _SIMILAR or abs(ratio - round(ratio)) > _RATE_TOLERANCE:
                required = f"{fastest:g} frames/s, or a half or a quarter of it"
                yield at(stream, each.reference, f"FRAME-RATE={each.get('FRAME-RATE')}", required)


def _hdr_rate(stream: Stream) -> Iterator[Violation]:
    hdr = [each for each in stream.video_variants if each.video_range != "SDR" and each.rate]
    if hdr and all(each.rate > _HDR_RATE for each in hdr):
        yield at(stream, hdr[0].reference, "HDR at more than 30 frames/s only", "HDR at 30 frames/s, too")


def _complete_families(stream: Stream) -> Iterator[Violation]:
    families = _families(stream)
    heights = [_lines(each) for found in families.values() for each in found if each.size]
    for (codec, dynamic), found in families.items():
        own = [_lines(each) for each in found if each.size]
        if len(families) > 1 and own and (min(own) > min(heights) or max(own) < max(heights)):
            actual = f"{codec} {dynamic} from {min(own)} to {max(own)} lines"
            yield at(stream, found[0].reference, actual, f"{min(heights)} to {max(heights)} lines")


def _sdr(stream: Stream) -> Iterator[Violation]:
    found = stream.video_variants
    if found and all(each.video_range != "SDR" for each in found):
        yield at(stream, found[0].reference, f"VIDEO-RANGE={found[0].video_range} only", "SDR variants, too")


def _default_rate(stream: Stream) -> Iterator[Violation]:
    found = stream.video_variants
    if not found:
        return
    same_audio = [each for each in found if each.get("AUDIO") == found[0].get("AUDIO")]
    peers = [each for each in same_audio if each.family == found[0].family and each.average]
    best = min(peers, key=lambda each: abs(log(each.average / DEFAULT_BIT_RATE)), default=found[0])
    if abs(log(best.average or 1) - log(found[0].average or 1)) > 1e-9:  # noqa: PLR2004 - equal
        actual = f"{found[0].average / 1000:.0f} kbit/s"
        required = f"that with {best.average / 1000:.0f} kbit/s, the nearest to 2000 kbit/s"
        yield at(stream, found[0].reference, actual, required)


def _aspect(stream: Stream) -> Iterator[Violation]:
    sized = [each for each in stream.video_variants if each.size]
    largest = max(sized, key=_lines, default=None)
    for each in sized:
        if largest is None or largest.size is None or each.size is None:
            continue
        expected = each.size[1] * largest.size[0] / largest.size[1]
        off = abs(each.size[0] - expected)
        if off > _OFF_BY and off > _SAME_ASPECT * expected:
            required = f"the aspect ratio of {largest.get('RESOLUTION')}"
            yield at(stream, each.reference, f"RESOLUTION={each.get('RESOLUTION')}", required)


def _uhd_rate(stream: Stream) -> Iterator[Violation]:
    found = [each for each in stream.video_variants if _lines(each) >= _UHD_LINES]
    if found and all(each.average > _UHD_BIT_RATE for each in found):
        actual = f"{min(each.average for each in found) / 1e6:.1f} Mbit/s"
        yield at(stream, found[0].reference, actual, "at most 15 Mbit/s in some UHD variant")


RULES: tuple[Rule, ...] = (
    must("APPLE-9.9", "Video has several bit rates (variants).", "add rungs to the profile", _several),
    should(
        "APPLE-9.10",
        "HD content has at least two variants of the largest size.",
        "add a rung of the largest size with another bit rate",
        _two_at_the_top,
    ),
    should(
        "APPLE-1.12",
        "Some variants are H.264, for devices that decode neither HEVC nor AV1.",
        "add rungs with codec: h264",
        _some_h264,
    ),
    should(
        "HLSJS-3888",
        "If there are H.264 variants, the first variant is one: players start with it.",
        "list the H.264 variants first",
        _h264_first,
    ),
    must("APPLE-1.19", "No frame rate exceeds 60 frames/s.", "encode at 60 frames/s or less", _max_rate),
    should(
        "APPLE-1.18",
        "The frame rate is one of those of films and television.",
        "keep the source's rate if it has another one",
        _natural_rate,
    ),
    should(
        "APPLE-9.23",
        "The frame rates of one codec family are equal, or differ by factors of two.",
        "derive the lower rates by halving",
        _similar_rates,
    ),
    should(
        "APPLE-1.20",
        "HDR is available at 30 frames/s or less (a MUST for tvOS).",
        "add HDR rungs of at most 30 frames/s",
        _hdr_rate,
    ),
    should(
        "APPLE-1.23",
        "Each codec family and dynamic range has all sizes, so that no client has to change the codec.",
        "add the missing rungs of this codec",
        _complete_families,
    ),
    must(
        "APPLE-1.24",
        "HDR content is available in SDR, too.",
        "add SDR rungs",
        _sdr,
    ),
    should(
        "APPLE-1.32",
        "The first variant is that of its family with the average bit rate nearest to 2 Mbit/s.",
        "list this variant first",
        _default_rate,
    ),
    should(
        "APPLE-1.33",
        "All variants have the same aspect ratio.",
        "scale without cropping",
        _aspect,
    ),
    should(
        "APPLE-1.34",
        "If there is UHD video, some of it has at most 15 Mbit/s.",
        "add an UHD rung of at most 15 Mbit/s",
        _uhd_rate,
    ),
)
