"""Rules of the text of every playlist: encoding, first line, attribute lists, version."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from eddyline.media.streaming.playlist_lines import attribute_pairs, is_attribute_list
from eddyline.media.streaming.validation.hls_model import (
    IFRAME_INF,
    MEDIA,
    STREAM_INF,
    MediaPlaylist,
    MultivariantPlaylist,
    Playlist,
    Tag,
)
from eddyline.media.streaming.validation.rule import Rule, Violation, must
from eddyline.media.streaming.validation.stream_model import Stream

_LISTS = frozenset(
    {
        *(STREAM_INF, IFRAME_INF, MEDIA, "#EXT-X-MAP", "#EXT-X-KEY", "#EXT-X-SESSION-DATA"),
        *("#EXT-X-SESSION-KEY", "#EXT-X-START", "#EXT-X-DATERANGE", "#EXT-X-CONTENT-STEERING"),
    }
)
# RFC 8216 section 4.3.3: at most one of each in a media playlist.
_ONCE = (
    *("#EXT-X-TARGETDURATION", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-ENDLIST"),
    *("#EXT-X-PLAYLIST-TYPE", "#EXT-X-I-FRAMES-ONLY"),
)
_CONTROL = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_VERSION = re.compile(r"\d{1,4}", re.ASCII)


def _encoding(stream: Stream) -> Iterator[Violation]:
    for name in stream.undecodable:
        yield Violation(file=name, place="the file", actual="bytes that are not UTF-8", required="UTF-8")
    for playlist in stream.playlists:
        if playlist.text.startswith("\ufeff"):
            yield Violation(file=playlist.name, place="line 1", actual="a byte order mark", required="none")
        found = _CONTROL.search(playlist.text)
        if found:
            line = playlist.text.count("\n", 0, found.start()) + 1
            actual = f"the control character U+{ord(found[0]):04X}"
            yield Violation(file=playlist.name, place=f"line {line}", actual=actual, required="none")


def _first_line(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.playlists:
        first = playlist.text.lstrip("\ufeff").partition("\n")[0].rstrip("\r")
        if first != "#EXTM3U":
            yield Violation(file=playlist.name, place="line 1", actual=first, required="#EXTM3U")


def _one_kind(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.playlists:
        others = (
            playlist.media_tags if isinstance(playlist, MultivariantPlaylist) else playlist.multivariant_tags
        )
        if others:
            kind = "multivariant" if isinstance(playlist, MultivariantPlaylist) else "media"
            required = f"tags of a {kind} playlist"
            yield _at(playlist, others[0], others[0].name, required)


def _attribute_lists(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.playlists:
        for tag in playlist.tags:
            if tag.name not in _LISTS:
                continue
            if not is_attribute_list(tag.value):
                yield _at(playlist, tag, tag.value, "NAME=value, separated by commas")
            counts = Counter(name for name, _ in attribute_pairs(tag.value))
            for name, count in counts.items():
                if count > 1:
                    yield _at(playlist, tag, f"{name} {count} times", "each attribute once")


def _version(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.playlists:
        tags = playlist.all("#EXT-X-VERSION")
        if len(tags) > 1:
            yield _at(playlist, tags[1], f"{len(tags)} tags", "at most one")
        for tag in tags:
            if not _VERSION.fullmatch(tag.value.strip()):
                yield _at(playlist, tag, tag.value, "a whole number")


@dataclass(frozen=True)
class _Feature:
    version: int
    name: str


def _needed(playlist: Playlist) -> _Feature:
    """The feature with the highest version (RFC 8216 section 7, rfc8216bis section 8)."""
    found = [_Feature(1, "")]
    if isinstance(playlist, MediaPlaylist):
        names = {tag.name for tag in playlist.tags}
        if any("." in tag.value.partition(",")[0] for tag in playlist.all("#EXTINF")):
            found.append(_Feature(3, "decimal fractions in EXTINF"))
        found += [_Feature(4, name) for name in ("#EXT-X-BYTERANGE", "#EXT-X-I-FRAMES-ONLY") if name in names]
        found += [
            _Feature(5, "KEYFORMAT") for tag in playlist.all("#EXT-X-KEY") if "KEYFORMAT" in tag.attributes
        ]
        found += [_Feature(2, "IV") for tag in playlist.all("#EXT-X-KEY") if "IV" in tag.attributes]
        if "#EXT-X-MAP" in names:
            found.append(_Feature(5 if playlist.iframes_only else 6, "#EXT-X-MAP"))
    else:
        for tag in playlist.multivariant_tags:
            found += [_Feature(12, name) for name in tag.attributes if name.startswith("REQ-")]
            if tag.attributes.get("INSTREAM-ID", "").startswith("SERVICE"):
                found.append(_Feature(7, "INSTREAM-ID=SERVICE"))
    return max(found, key=lambda each: each.version)


def _feature_version(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.playlists:
        needed = _needed(playlist)
        tag = playlist.first("#EXT-X-VERSION")
        text = tag.value.strip() if tag else "1"
        if _VERSION.fullmatch(text) and int(text) < needed.version:
            place = tag.place if tag else "#EXT-X-VERSION"
            required = f"at least {needed.version}, because of {needed.name}"
            yield Violation(file=playlist.name, place=place, actual=text, required=required)


def _once(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        for name in _ONCE:
            tags = playlist.all(name)
            if len(tags) > 1:
                yield _at(playlist, tags[1], f"{len(tags)} tags", "at most one")


def _readable(stream: Stream) -> Iterator[Violation]:
    for each in stream.unreadable:
        if not each.segment and not each.leads_out:
            yield Violation(file=each.file, place=each.place, actual=each.reason, required="a file")


def _leads_out(stream: Stream) -> Iterator[Violation]:
    for each in stream.unreadable:
        if each.leads_out:
            required = "a URI within the stream's directory or on a public server"
            yield Violation(file=each.file, place=each.place, actual=each.reason, required=required)


def _at(playlist: Playlist, tag: Tag, actual: str, required: str) -> Violation:
    return Violation(file=playlist.name, place=tag.place, actual=actual, required=required)


RULES: tuple[Rule, ...] = (
    must(
        "RFC8216-4.1",
        "A playlist is UTF-8 without a byte order mark and without control characters.",
        "write the playlist as plain UTF-8",
        _encoding,
    ),
    must(
        "RFC8216-4.3.1.1",
        "The first line of a playlist is #EXTM3U.",
        "write #EXTM3U as the first line",
        _first_line,
    ),
    must(
        "RFC8216-4.1:kind",
        "A playlist has the tags of a multivariant playlist or of a media playlist, not of both.",
        "write the variants and the segments to separate playlists",
        _one_kind,
    ),
    must(
        "RFC8216-4.2",
        "An attribute list consists of NAME=value pairs, and each name occurs once.",
        "correct the list; names are upper case, strings in double quotes",
        _attribute_lists,
    ),
    must(
        "RFC8216-4.3.1.2",
        "A playlist has at most one EXT-X-VERSION, and its value is a whole number.",
        "keep one EXT-X-VERSION",
        _version,
    ),
    must(
        "RFC8216-7",
        "EXT-X-VERSION is at least the version of the features that the playlist uses.",
        "increase EXT-X-VERSION",
        _feature_version,
    ),
    must(
        "RFC8216-4.3.3",
        "A media playlist has at most one of each tag that applies to the whole playlist.",
        "remove the repeated tag",
        _once,
    ),
    must(
        "RFC8216-6.2.1:playlists",
        "Every playlist that the multivariant playlist references exists and is a media playlist.",
        "publish the playlist, or remove the reference",
        _readable,
    ),
    must(
        "LIMIT-references",
        "References stay in the directory of the stream, or on public servers.",
        "use URIs relative to the playlist",
        _leads_out,
    ),
)
