"""Reads and corrects the packager's HLS playlists (RFC 8216) and MPDs (ISO/IEC 23009-1)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, groupby, pairwise

from eddyline.core.errors import ProofError
from eddyline.core.numbers import parse_rational, parse_whole
from eddyline.media.streaming.mpd_tree import (
    NAMESPACE,
    expand_timeline,
    fill_template,
    parse_duration,
    parse_tree,
)
from eddyline.media.streaming.playlist_lines import Line, attributes, split_lines


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One entry of a media playlist: seconds, URL, and byte range [start, stop) (None: the whole file)."""

    duration: Fraction
    uri: str
    byte_range: tuple[int, int] | None = None


@dataclass(frozen=True, kw_only=True)
class MediaPlaylist:
    """One variant: the URL of its initialization segment, and its segments in order."""

    init: str
    target: int
    iframes_only: bool
    ended: bool
    segments: tuple[Segment, ...]

    @property
    def duration(self) -> Fraction:
        """The sum of EXTINF, in seconds."""
        return sum((segment.duration for segment in self.segments), Fraction(0))


@dataclass(frozen=True, kw_only=True)
class MasterPlaylist:
    """URLs of variants, I-frame playlists, audio and subtitles, with their attributes."""

    variants: Mapping[str, Mapping[str, str]]
    iframes: tuple[str, ...]
    audio: Mapping[str, Mapping[str, str]]
    subtitles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Representation:
    """One representation of an MPD: segment i covers [starts[i], ends[i]) in ticks of 1/`timescale` s."""

    kind: str
    timescale: int
    offset: int
    init: str
    media: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def end_s(self) -> Fraction:
        """The end in the presentation, in seconds."""
        return Fraction(self.ends[-1] - self.offset, self.timescale)


def read_media_playlist(text: str, name: str) -> MediaPlaylist:
    """Parse a media playlist; raises `ProofError` with `name` if it is malformed."""
    tags: dict[str, str] = {}
    segments: list[Segment] = []
    for line in _lines(text, name):
        if line.name:
            tags[line.name] = line.value
            continue
        uri = line.value
        if "#EXTINF" not in tags:
            raise ProofError(f"{name}: {uri} has no EXTINF")
        length = _number(tags.pop("#EXTINF").split(",")[0], name)
        # A range without an offset follows the previous range of the same file (RFC 8216 section 4.3.2.2).
        before = segments[-1] if segments else None
        follows = before.byte_range[1] if before and before.byte_range and before.uri == uri else 0
        byte_range = _byte_range(tags.pop("#EXT-X-BYTERANGE", ""), follows, name)
        segments.append(Segment(duration=length, uri=uri, byte_range=byte_range))
    init = attributes(tags.get("#EXT-X-MAP", "")).get("URI", "")
    if not init:
        raise ProofError(f"{name}: the initialization segment is missing")
    return MediaPlaylist(
        init=init,
        target=int(_number(tags.get("#EXT-X-TARGETDURATION", "0"), name)),
        iframes_only="#EXT-X-I-FRAMES-ONLY" in tags,
        ended="#EXT-X-ENDLIST" in tags,
        segments=tuple(segments),
    )


def read_master_playlist(text: str, name: str) -> MasterPlaylist:
    """Parse a master playlist; raises `ProofError` if it is malformed."""
    variants: dict[str, dict[str, str]] = {}
    audio: dict[str, dict[str, str]] = {}
    subtitles: dict[str, dict[str, str]] = {}
    iframes: list[str] = []
    stream: dict[str, str] | None = None
    for line in _lines(text, name):
        if line.name == "#EXT-X-STREAM-INF":
            stream = attributes(line.value)
        elif line.name == "#EXT-X-I-FRAME-STREAM-INF":
            iframes.append(attributes(line.value).get("URI", ""))
        elif line.name == "#EXT-X-MEDIA":
            media = attributes(line.value)
            group = subtitles if media.get("TYPE") == "SUBTITLES" else audio
            group[media.get("URI", "")] = media
        elif not line.name:
            if stream is None:
                raise ProofError(f"{name}: {line.value} has no EXT-X-STREAM-INF")
            variants[line.value], stream = stream, None
    return MasterPlaylist(variants=variants, iframes=tuple(iframes), audio=audio, subtitles=subtitles)


def read_mpd(text: str, name: str) -> tuple[Fraction, tuple[Representation, ...]]:
    """The presentation's duration in seconds, and its representations of video and audio.

    Those of subtitles are read by `stream_subtitles`. Raises `ProofError` if the MPD is malformed.
    """
    try:
        root = parse_tree(text)
        length = parse_duration(root.attrib["mediaPresentationDuration"])
        found = [
            _representation(adaptation.attrib["contentType"], template)
            for adaptation in root.iter(f"{NAMESPACE}AdaptationSet")
            for template in adaptation.iter(f"{NAMESPACE}SegmentTemplate")
            if adaptation.attrib["contentType"] != "text"
        ]
    except (KeyError, ValueError) as error:
        raise ProofError(f"{name}: not an MPD with segment timelines: {error!r}") from error
    if not all(each.starts for each in found):
        raise ProofError(f"{name}: a representation has no segments")
    return length, tuple(found)


def with_exact_durations(text: str, durations: Sequence[Fraction]) -> str:
    """The media playlist `text` with these EXTINF values, to the microsecond, and the target they require.

    The packager writes milliseconds. Rounded in the same direction 900 times an hour, they drift from the
    media. Each value here is the difference of rounded times, so that their sum is exact to half a
    microsecond.
    """
    times = [round(end * 1_000_000) for end in accumulate(durations, initial=Fraction(0))]
    exact = iter(f"{(after - before) / 1e6:.6f}" for before, after in pairwise(times))
    text = re.sub(r"(?m)^#EXTINF:[^,\n]*", lambda _: f"#EXTINF:{next(exact)}", text)
    # No duration, rounded to whole seconds, may exceed the target (RFC 8216 section 4.3.3.1).
    least = max(int(length + Fraction(1, 2)) for length in durations)
    return re.sub(
        r"(?m)^#EXT-X-TARGETDURATION:(\d{1,9})$",
        lambda found: f"#EXT-X-TARGETDURATION:{max(int(found[1]), least)}",
        text,
    )


def with_target(text: str, target: int) -> str:
    """The media playlist `text` with this target duration in seconds.

    The packager rounds up, so that audio segments of 4.01 s would have a target of 5 s.
    """
    return re.sub(r"(?m)^#EXT-X-TARGETDURATION:\d+$", f"#EXT-X-TARGETDURATION:{target}", text)


def as_event(text: str, segments: int) -> str:
    """The media playlist `text` of a part of a stream as an EVENT playlist of its first `segments` segments.

    Segments are appended to it later, and at last its end (RFC 8216 section 4.3.3.5).
    """
    head, *entries = re.split(r"(?m)^(?=#EXTINF:)", text)
    kept = "".join(entries[:segments]).replace("#EXT-X-ENDLIST\n", "").replace("#EXT-X-ENDLIST", "")
    return head.replace("#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-PLAYLIST-TYPE:EVENT") + kept


def with_timeline(text: str, init: str, starts: Sequence[int], end: int) -> str:
    """The MPD `text` with segments at these ticks, the last up to `end`, for the representation of `init`."""
    lengths = [after - before for before, after in pairwise([*starts, end])]
    rows, at = [], starts[0]
    for length, run in groupby(lengths):
        count = len(list(run))
        repeats = f' r="{count - 1}"' if count > 1 else ""
        rows.append(f'            <S t="{at}" d="{length}"{repeats}/>\n')
        at += length * count
    pattern = rf'(initialization="{re.escape(init)}"[^>]*>\s*<SegmentTimeline>\n).*?([ ]*</SegmentTimeline>)'
    return re.sub(pattern, lambda found: found[1] + "".join(rows) + found[2], text, count=1, flags=re.DOTALL)


def with_attribute(text: str, tag: str, attribute: str) -> str:
    """The playlist `text` with an attribute added to each tag `tag` ("#EXT-X-STREAM-INF")."""
    return re.sub(rf"(?m)^({re.escape(tag)}:[^\n]*)$", lambda found: f"{found[1]},{attribute}", text)


def with_presentation_offsets(text: str) -> str:
    """The MPD `text` whose period starts with the earliest sample of all representations.

    The packager writes the MPD as each stream ends, and never resets @presentationTimeOffset: if the video
    starts after the audio, some representations keep the offset from before the audio was known.
    """
    representations = read_mpd(text, "MPD")[1]
    start = min((Fraction(each.starts[0], each.timescale) for each in representations), default=Fraction(0))

    def with_offset(found: re.Match[str]) -> str:
        offset = int(start * int(found[1]))
        rest = re.sub(r' presentationTimeOffset="[^"]*"', "", found[2])
        return f'<SegmentTemplate timescale="{found[1]}"' + (
            f' presentationTimeOffset="{offset}"{rest}' if offset else rest
        )

    return re.sub(r'<SegmentTemplate timescale="(\d+)"([^>]*)', with_offset, text)


def with_presentation_duration(text: str, seconds: Fraction) -> str:
    """The MPD `text` with this mediaPresentationDuration."""
    value = f"{float(seconds):.6f}".rstrip("0").rstrip(".")
    return re.sub(r'(mediaPresentationDuration=")[^"]*', lambda found: f"{found[1]}PT{value}S", text, count=1)


def without_signature(text: str) -> str:
    """A playlist or MPD without the line that states the packager and its version."""
    return re.sub(r"(?m)^(##|<!--)Generated with .*\n", "", text.replace("## Generated", "##Generated"))


def _representation(kind: str, template: ET.Element) -> Representation:
    spans = expand_timeline(template)
    first, timescale = parse_whole(template.attrib["startNumber"]), parse_whole(template.attrib["timescale"])
    if not timescale:
        raise ValueError("the timescale is 0")
    media = template.attrib["media"]
    urls = [fill_template(media, number=first + index) for index in range(len(spans))]
    return Representation(
        kind=kind,
        timescale=timescale,
        offset=parse_whole(template.attrib.get("presentationTimeOffset", "0")),
        init=template.attrib["initialization"],
        media=tuple(urls),
        starts=tuple(start for start, _ in spans),
        ends=tuple(end for _, end in spans),
    )


def _lines(text: str, name: str) -> list[Line]:
    lines = list(split_lines(text, name))
    if not lines or lines[0].name != "#EXTM3U":
        raise ProofError(f"{name}: it does not start with #EXTM3U")
    return lines


def _byte_range(value: str, follows: int, name: str) -> tuple[int, int] | None:
    if not value:
        return None
    length, _, offset = value.partition("@")
    start = int(_number(offset, name)) if offset else follows
    return start, start + int(_number(length, name))


def _number(text: str, name: str) -> Fraction:
    try:
        return parse_rational(text.strip())
    except ValueError as error:
        raise ProofError(f"{name}: {error}") from error
