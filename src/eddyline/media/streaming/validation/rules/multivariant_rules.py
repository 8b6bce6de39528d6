"""Rules of the multivariant playlist: variants, I-frame playlists, session data (RFC 8216 section 4.3.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from eddyline.media.streaming.validation.hls_model import Reference
from eddyline.media.streaming.validation.rule import Check, Rule, Violation, must, should
from eddyline.media.streaming.validation.stream_model import Stream, Variant

_WHOLE = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_GROUPS = ("AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS")
_FORMATS = {
    "RESOLUTION": re.compile(r"\d{1,5}x\d{1,5}", re.ASCII),
    "FRAME-RATE": re.compile(r"\d{1,4}(?:\.\d{1,6})?", re.ASCII),
    "AVERAGE-BANDWIDTH": _WHOLE,
    "HDCP-LEVEL": re.compile(r"TYPE-[01]|NONE"),
    "SCORE": re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII),
}
_NOT_OF_IFRAMES = ("FRAME-RATE", "AUDIO", "SUBTITLES", "CLOSED-CAPTIONS")


def missing(stream: Stream, variant: Variant, attribute: str) -> Violation:
    """The violation of a variant that lacks an attribute."""
    return at(stream, variant.reference, f"no {attribute}", attribute)


def at(stream: Stream, reference: Reference, actual: str, required: str) -> Violation:
    """A violation at a reference of the multivariant playlist."""
    name = stream.master.name if stream.master else ""
    place = f"{reference.tag.place} ({reference.uri or reference.get('NAME')})"
    return Violation(file=name, place=place, actual=actual, required=required)


def require_attribute(attribute: str, of: Callable[[Stream], list[Variant]]) -> Check:
    """A check that all variants of a selection have an attribute."""

    def check(stream: Stream) -> Iterator[Violation]:
        return (missing(stream, each, attribute) for each in of(stream) if not each.get(attribute))

    return check


def _all(stream: Stream) -> list[Variant]:
    return stream.variants


def _with_video(stream: Stream) -> list[Variant]:
    return stream.video_variants


def _iframes(stream: Stream) -> list[Variant]:
    return stream.iframes


def _bandwidth(stream: Stream) -> Iterator[Violation]:
    for each in (*stream.variants, *stream.iframes):
        if not _WHOLE.fullmatch(each.get("BANDWIDTH")):
            actual = each.get("BANDWIDTH") or "no BANDWIDTH"
            yield at(stream, each.reference, actual, "BANDWIDTH in bit/s, a whole number above 0")


def _uris(stream: Stream) -> Iterator[Violation]:
    for each in stream.variants:
        if not each.reference.uri:
            yield at(stream, each.reference, "no URI on the next line", "a URI")


def _iframe_uris(stream: Stream) -> Iterator[Violation]:
    for each in stream.iframes:
        if not each.reference.uri:
            yield at(stream, each.reference, "no URI", 'URI="..."')


def _groups_exist(stream: Stream) -> Iterator[Violation]:
    for each in (*stream.variants, *stream.iframes):
        for kind in _GROUPS:
            group = each.get(kind)
            exists = group in {"", "NONE"} or not stream.master or stream.master.group(kind, group)
            if not exists:
                yield at(stream, each.reference, f'{kind}="{group}"', f"renditions of TYPE={kind}")


def _captions(stream: Stream) -> Iterator[Violation]:
    values = [each.get("CLOSED-CAPTIONS") for each in stream.variants]
    if "NONE" in values:
        for each in stream.variants:
            if each.get("CLOSED-CAPTIONS") != "NONE":
                actual = each.get("CLOSED-CAPTIONS") or "no CLOSED-CAPTIONS"
                yield at(stream, each.reference, actual, "NONE, as in the other variants")


def _values(stream: Stream) -> Iterator[Violation]:
    for each in (*stream.variants, *stream.iframes):
        for name, form in _FORMATS.items():
            value = each.get(name)
            if value and not form.fullmatch(value):
                yield at(stream, each.reference, f"{name}={value}", f"a valid {name}")


def _average(stream: Stream) -> Iterator[Violation]:
    for each in (*stream.variants, *stream.iframes):
        if each.bandwidth and each.average > each.bandwidth:
            actual = f"AVERAGE-BANDWIDTH={each.average:.0f}"
            yield at(stream, each.reference, actual, f"at most BANDWIDTH={each.bandwidth:.0f}")


def _iframe_attributes(stream: Stream) -> Iterator[Violation]:
    for each in stream.iframes:
        for name in _NOT_OF_IFRAMES:
            if name in each.reference.tag.attributes:
                yield at(stream, each.reference, name, "an attribute of I-frame playlists")


def _ranges(stream: Stream) -> Iterator[Violation]:
    for each in (*stream.variants, *stream.iframes):
        if each.get("VIDEO-RANGE") not in {"", "SDR", "HLG", "PQ"}:
            yield at(stream, each.reference, f"VIDEO-RANGE={each.get('VIDEO-RANGE')}", "SDR, HLG or PQ")


def _scores(stream: Stream) -> Iterator[Violation]:
    scored = [bool(each.get("SCORE")) for each in stream.variants]
    if any(scored):
        yield from (
            missing(stream, each, "SCORE")
            for each, has_score in zip(stream.variants, scored, strict=True)
            if not has_score
        )


def _session_data(stream: Stream) -> Iterator[Violation]:
    if stream.master is None:
        return
    seen: set[tuple[str, str]] = set()
    for tag in stream.master.all("#EXT-X-SESSION-DATA"):
        found = tag.attributes
        key = (found.get("DATA-ID", ""), found.get("LANGUAGE", ""))
        if not key[0]:
            actual, required = "no DATA-ID", "DATA-ID"
        elif ("VALUE" in found) == ("URI" in found):
            actual, required = "VALUE and URI" if "VALUE" in found else "neither VALUE nor URI", "one of both"
        elif key in seen:
            actual, required = f"{key[0]} again", "each DATA-ID once per LANGUAGE"
        else:
            seen.add(key)
            continue
        yield Violation(file=stream.master.name, place=tag.place, actual=actual, required=required)


def _video_range(stream: Stream) -> Iterator[Violation]:
    both = (*stream.video_variants, *stream.iframes)
    if any(each.video_range != "SDR" for each in both):
        yield from (missing(stream, each, "VIDEO-RANGE") for each in both if not each.get("VIDEO-RANGE"))


def _independent(stream: Stream) -> Iterator[Violation]:
    name = "#EXT-X-INDEPENDENT-SEGMENTS"
    if stream.master and stream.video_variants and not stream.master.first(name):
        yield Violation(file=stream.master.name, place=name, actual="missing", required=name)


def _independent_somewhere(stream: Stream) -> Iterator[Violation]:
    name = "#EXT-X-INDEPENDENT-SEGMENTS"
    if stream.master and not stream.master.first(name):
        for each in stream.video_variants:
            if each.playlist and not each.playlist.first(name):
                required = f"{name}, because the multivariant playlist lacks it"
                yield Violation(file=each.playlist.name, place=name, actual="missing", required=required)


_ADD = "add the attribute to the tag"
RULES: tuple[Rule, ...] = (
    must(
        "RFC8216-4.3.4.2",
        "Every variant and I-frame playlist has a BANDWIDTH.",
        "add BANDWIDTH, the peak bit rate",
        _bandwidth,
    ),
    must(
        "RFC8216-4.3.4.2:uri",
        "A URI follows every EXT-X-STREAM-INF.",
        "write the URI of the media playlist on the next line",
        _uris,
    ),
    must(
        "RFC8216-4.3.4.3",
        "Every EXT-X-I-FRAME-STREAM-INF has a URI.",
        "add the URI of the I-frame playlist",
        _iframe_uris,
    ),
    must(
        "RFC8216-4.3.4.2:groups",
        "Every group that a variant names has renditions.",
        "add the EXT-X-MEDIA tags of the group, or correct its name",
        _groups_exist,
    ),
    must(
        "RFC8216-4.3.4.2:captions",
        "If one variant has CLOSED-CAPTIONS=NONE, all have.",
        "add CLOSED-CAPTIONS=NONE to all variants, or to none",
        _captions,
    ),
    must(
        "RFC8216-4.3.4.2:values",
        "RESOLUTION, FRAME-RATE, AVERAGE-BANDWIDTH, HDCP-LEVEL and SCORE have valid values.",
        "correct the value",
        _values,
    ),
    must(
        "RFC8216-4.3.4.2:average",
        "AVERAGE-BANDWIDTH is at most BANDWIDTH, the peak.",
        "measure both again",
        _average,
    ),
    must(
        "RFC8216-4.3.4.3:attributes",
        "An I-frame playlist has no FRAME-RATE, AUDIO, SUBTITLES or CLOSED-CAPTIONS.",
        "remove the attribute",
        _iframe_attributes,
    ),
    must(
        "BIS-4.4.6.2",
        "VIDEO-RANGE is SDR, HLG or PQ.",
        "correct VIDEO-RANGE",
        _ranges,
    ),
    must(
        "APPLE-9.19",
        "If one variant has a SCORE, all have.",
        "add SCORE to all variants, or to none",
        _scores,
    ),
    must(
        "RFC8216-4.3.4.4",
        "EXT-X-SESSION-DATA has a DATA-ID, once per language, and either VALUE or URI.",
        "correct the tag",
        _session_data,
    ),
    must("APPLE-9.1", "Every variant has CODECS.", _ADD, require_attribute("CODECS", _all)),
    must(
        "APPLE-9.2",
        "Every variant with video has a RESOLUTION.",
        _ADD,
        require_attribute("RESOLUTION", _with_video),
    ),
    must("APPLE-9.3", "Every I-frame playlist has CODECS.", _ADD, require_attribute("CODECS", _iframes)),
    must(
        "APPLE-9.4",
        "Every I-frame playlist has a RESOLUTION.",
        _ADD,
        require_attribute("RESOLUTION", _iframes),
    ),
    must(
        "APPLE-9.14",
        "Every variant has an AVERAGE-BANDWIDTH.",
        _ADD,
        require_attribute("AVERAGE-BANDWIDTH", _all),
    ),
    must(
        "APPLE-9.15",
        "Every variant with video has a FRAME-RATE.",
        _ADD,
        require_attribute("FRAME-RATE", _with_video),
    ),
    must(
        "APPLE-9.16",
        "Every variant and I-frame playlist has a VIDEO-RANGE, unless all are SDR.",
        _ADD,
        _video_range,
    ),
    should(
        "APPLE-9.11",
        "A multivariant playlist has EXT-X-INDEPENDENT-SEGMENTS if its video segments start with keyframes.",
        "add #EXT-X-INDEPENDENT-SEGMENTS to the multivariant playlist",
        _independent,
    ),
    must(
        "APPLE-9.12",
        "Without EXT-X-INDEPENDENT-SEGMENTS in the multivariant playlist, all video playlists have it.",
        "add #EXT-X-INDEPENDENT-SEGMENTS to the multivariant playlist",
        _independent_somewhere,
    ),
)
