"""Rules of adaptation sets and representations (ISO/IEC 23009-1 sections 5.3.3 to 5.3.7, DASH-IF IOP 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from eddyline.core.numbers import parse_rational
from eddyline.media.streaming.mpd_tree import NAMESPACE
from eddyline.media.streaming.validation.codec_strings import is_known_and_invalid, parse_codecs
from eddyline.media.streaming.validation.mpd_model import AdaptationSet, Mpd, Representation
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.rules.mpd_rules import at, mpd_of
from eddyline.media.streaming.validation.rules.rendition_rules import LANGUAGE_TAG
from eddyline.media.streaming.validation.stream_model import Stream

_KINDS = {"video": ("video",), "audio": ("audio",), "text": ("application", "text"), "image": ("image",)}
_EITHER = ("mimeType", "codecs", "width", "height", "sar", "frameRate", "audioSamplingRate", "scanType")
_LIVE = "urn:mpeg:dash:profile:isoff-live:2011"
_CICP = "urn:mpeg:mpegB:cicp:TransferCharacteristics"
# The order of children that the schema prescribes (annex B).
_ORDER = (
    *("FramePacking", "AudioChannelConfiguration", "ContentProtection", "OutputProtection"),
    *("EssentialProperty", "SupplementalProperty", "InbandEventStream", "Switching", "RandomAccess"),
    *("GroupLabel", "Label", "ProducerReferenceTime", "ContentPopularityRate", "Resync", "Accessibility"),
    *("Role", "Rating", "Viewpoint", "ContentComponent", "BaseURL", "SegmentBase", "SegmentList"),
    *("SegmentTemplate", "Representation"),
)
_POSITIVE = re.compile(r"[1-9]\d{0,17}", re.ASCII)


def _sets(stream: Stream) -> Iterator[tuple[Mpd, AdaptationSet]]:
    return ((mpd, each) for mpd in mpd_of(stream) for each in mpd.sets)


def _all(stream: Stream) -> Iterator[tuple[Mpd, Representation]]:
    return ((mpd, each) for mpd in mpd_of(stream) for each in mpd.representations)


def _of_kind(stream: Stream, kind: str) -> Iterator[tuple[Mpd, Representation]]:
    return ((mpd, each) for mpd, each in _all(stream) if each.kind == kind)


def _representations(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _sets(stream):
        if not each.representations:
            yield at(mpd, each.place, "no Representation", "at least one Representation")


def _bandwidth(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _all(stream):
        if not _POSITIVE.fullmatch(each.element.get("bandwidth", "")):
            actual = each.element.get("bandwidth") or "missing"
            yield at(mpd, f"{each.place}@bandwidth", actual, "bit/s, a whole number above 0")


def _mime_type(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _all(stream):
        if not each.get("mimeType"):
            yield at(mpd, f"{each.place}@mimeType", "missing", "a MIME type, such as video/mp4")


def _content_type(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _all(stream):
        kind, mime_type = each.kind, each.get("mimeType")
        if kind and mime_type and mime_type.partition("/")[0] not in _KINDS.get(kind, ()):
            yield at(mpd, f"{each.place}@mimeType", mime_type, f"a MIME type of {kind}")


def _codecs(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _all(stream):
        codecs = parse_codecs(each.get("codecs"))
        needs = each.get("mimeType") not in {"text/vtt", "application/ttml+xml"} and each.kind != "image"
        if needs and (not codecs or any(map(is_known_and_invalid, codecs))):
            actual = each.get("codecs") or "missing"
            yield at(mpd, f"{each.place}@codecs", actual, "a codec with profile and level (RFC 6381)")


def _one_codec(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _sets(stream):
        found = [
            {codec.family or codec.entry for codec in parse_codecs(r.get("codecs"))}
            for r in each.representations
        ]
        families = set().union(*found)
        if len(families) > 1:
            actual = ", ".join(sorted(families))
            yield at(mpd, f"{each.place}@codecs", actual, "one codec in an adaptation set")


def _either(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _all(stream):
        for name in _EITHER:
            if each.element.get(name) and each.parent.get(name):
                yield at(mpd, f"{each.place}@{name}", "in the adaptation set as well", "one of both")


def _maxima(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _all(stream):
        for name, upper in (("width", "maxWidth"), ("height", "maxHeight"), ("frameRate", "maxFrameRate")):
            value, limit = _number(each.get(name)), _number(each.parent.get(upper, ""))
            if value and limit and value > limit:
                yield at(mpd, f"{each.place}@{name}", each.get(name), f"at most {upper}={float(limit):g}")


def _number(text: str) -> Fraction | None:
    try:
        return parse_rational(text)
    except ValueError:
        return None


def _languages(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _sets(stream):
        language = each.element.get("lang", "")
        if each.kind == "audio" and not language:
            yield at(mpd, f"{each.place}@lang", "missing", 'a language, "und" if it is unknown')
        if language and not LANGUAGE_TAG.fullmatch(language):
            yield at(mpd, f"{each.place}@lang", language, 'a tag of RFC 5646, such as "en"')


def _video_set(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _sets(stream):
        if each.kind != "video":
            continue
        for names in (
            ("par",),
            ("maxWidth", "width"),
            ("maxHeight", "height"),
            ("maxFrameRate", "frameRate"),
        ):
            if not any(each.element.get(name) for name in names):
                yield at(mpd, f"{each.place}@{names[0]}", "missing", f"@{' or @'.join(names)}")


def _video_attributes(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _of_kind(stream, "video"):
        for name in ("width", "height", "frameRate", "sar"):
            if not each.get(name):
                yield at(mpd, f"{each.place}@{name}", "missing", f"@{name}")


def _progressive(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _of_kind(stream, "video"):
        if each.get("scanType") not in {"", "progressive"}:
            yield at(mpd, f"{each.place}@scanType", each.get("scanType"), "progressive")


def _audio_attributes(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _of_kind(stream, "audio"):
        if not each.get("audioSamplingRate"):
            yield at(mpd, f"{each.place}@audioSamplingRate", "missing", "the sample rate in Hz")
        if each.child("AudioChannelConfiguration") is None:
            yield at(mpd, each.place, "no AudioChannelConfiguration", "the number of channels")


def _main_role(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        for period in mpd.periods:
            video = [each for each in period.sets if each.kind == "video"]
            roles = [role.get("value") for each in video for role in each.element.findall(f"{NAMESPACE}Role")]
            if len(video) > 1 and "main" not in roles:
                yield at(mpd, video[0].place, "no Role main", "Role main in one of the video adaptation sets")


def _alignment(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _sets(stream):
        live = _LIVE in mpd.get("profiles")
        if (
            live
            and each.kind in {"video", "audio"}
            and each.element.get("segmentAlignment", "false") == "false"
        ):
            yield at(mpd, f"{each.place}@segmentAlignment", "missing or false", "true")


def _start_with_sap(stream: Stream) -> Iterator[Violation]:
    for mpd, each in _of_kind(stream, "video"):
        if each.get("startWithSAP") not in {"1", "2"} and not each.get("subsegmentStartsWithSAP"):
            actual = each.get("startWithSAP") or "missing"
            yield at(mpd, f"{each.place}@startWithSAP", actual, "1 or 2: segments start with keyframes")


def _order(stream: Stream) -> Iterator[Violation]:
    places = {name: place for place, name in enumerate(_ORDER)}
    for mpd, each in _sets(stream):
        names = [str(child.tag).removeprefix(NAMESPACE) for child in each.element]
        known = [places[name] for name in names if name in places]
        if known != sorted(known):
            actual = ", ".join(dict.fromkeys(names))
            yield at(mpd, each.place, actual, "the order of the schema: properties, Label, Role, ...")


def _transfer(stream: Stream) -> Iterator[Violation]:
    """If one set of a period states PQ or HLG, all state their transfer function, so players can choose."""
    for mpd in mpd_of(stream):
        for period in mpd.periods:
            video = [each for each in period.sets if each.kind == "video"]
            stated = [_has_transfer(each) for each in video]
            if any(value in {"16", "18"} for value in stated):
                for each, value in zip(video, stated, strict=True):
                    if not value:
                        yield at(
                            mpd, each.place, f"no {_CICP}", "the transfer characteristics, as other sets"
                        )


def _has_transfer(each: AdaptationSet) -> str:
    for name in ("EssentialProperty", "SupplementalProperty"):
        for found in each.element.iter(f"{NAMESPACE}{name}"):
            if found.get("schemeIdUri") == _CICP:
                return found.get("value", "")
    return ""


RULES: tuple[Rule, ...] = (
    must(
        "DASH-5.3.3",
        "An adaptation set has representations.",
        "remove the empty adaptation set",
        _representations,
    ),
    must(
        "DASH-5.3.5.2:bandwidth",
        "A representation has a @bandwidth.",
        "add bandwidth, the peak bit rate",
        _bandwidth,
    ),
    must(
        "DASH-5.3.7.2:mimeType",
        "A representation or its adaptation set has a @mimeType.",
        "add mimeType",
        _mime_type,
    ),
    must(
        "IOP-3.2.13",
        "An adaptation set has one kind of media: MIME types and @contentType agree.",
        "put audio, video and text into separate adaptation sets",
        _content_type,
    ),
    must(
        "IOP-3.2.4:codecs",
        "A representation has @codecs with profile and level.",
        "write the codec string of the sample entry",
        _codecs,
    ),
    must(
        "CMAF-7.3.4",
        "The representations of an adaptation set have the same codec.",
        "put each codec into a separate adaptation set",
        _one_codec,
    ),
    must(
        "DASH-5.3.7.2:either",
        "A common attribute is in the adaptation set or in the representation, not in both.",
        "remove one of both",
        _either,
    ),
    must(
        "DASH-5.3.3.2:maxima",
        "Width, height and frame rate do not exceed the maxima of the adaptation set.",
        "increase the maximum",
        _maxima,
    ),
    must(
        "IOP-3.2.4:lang",
        "An audio adaptation set has a @lang, and every @lang is a language tag of RFC 5646.",
        'add lang; "und" for an unknown language',
        _languages,
    ),
    must(
        "IOP-3.2.4:video-set",
        "A video adaptation set has @par, its size or largest size, and its frame rate or highest one.",
        "add the attribute",
        _video_set,
    ),
    must(
        "IOP-3.2.4:video",
        "A video representation has, or inherits, @width, @height, @frameRate and @sar.",
        "add the attribute",
        _video_attributes,
    ),
    must(
        "IOP-3.2.4:scanType",
        "Video is progressive.",
        "deinterlace the video",
        _progressive,
    ),
    must(
        "IOP-3.2.4:audio",
        "An audio representation has, or inherits, @audioSamplingRate and AudioChannelConfiguration.",
        "add the attribute or element",
        _audio_attributes,
    ),
    must(
        "IOP-3.2.2:role",
        "If a period has several video adaptation sets, one has the role main.",
        'add <Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>',
        _main_role,
    ),
    must(
        "IOP-3.2.2.2",
        "Segments of video and audio are aligned in the live profile: @segmentAlignment is true.",
        'write segmentAlignment="true", and align the segments',
        _alignment,
    ),
    should(
        "DASH-5.3.7.2:startWithSAP",
        "Video states that its segments start with a stream access point of type 1 or 2.",
        'write startWithSAP="1"',
        _start_with_sap,
    ),
    must(
        "DASH-5.3.3.3",
        "The children of an adaptation set are in the order of the schema.",
        "reorder the elements",
        _order,
    ),
    should(
        "IOP-6.2",
        "If one video adaptation set is HDR, all state their transfer characteristics.",
        "add a property with the scheme urn:mpeg:mpegB:cicp:TransferCharacteristics",
        _transfer,
    ),
)
