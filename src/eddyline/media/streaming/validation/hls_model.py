"""HLS playlists as they are written, valid or not: tags, references and segments with their lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from eddyline.core.numbers import parse_rational, parse_whole
from eddyline.media.streaming.playlist_lines import Line, attributes, split_lines

STREAM_INF, IFRAME_INF, MEDIA = "#EXT-X-STREAM-INF", "#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-MEDIA"
_MULTIVARIANT_TAGS = frozenset(
    {STREAM_INF, IFRAME_INF, MEDIA, "#EXT-X-SESSION-DATA", "#EXT-X-SESSION-KEY", "#EXT-X-CONTENT-STEERING"}
)
# RFC 8216 sections 4.3.2 and 4.3.3
_MEDIA_TAGS = frozenset(
    {
        *("#EXTINF", "#EXT-X-BYTERANGE", "#EXT-X-DISCONTINUITY", "#EXT-X-KEY", "#EXT-X-MAP"),
        *("#EXT-X-PROGRAM-DATE-TIME", "#EXT-X-DATERANGE", "#EXT-X-TARGETDURATION"),
        *("#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-ENDLIST"),
        *("#EXT-X-PLAYLIST-TYPE", "#EXT-X-I-FRAMES-ONLY"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A tag with its 1-based line number."""

    name: str
    value: str
    line: int

    @cached_property
    def attributes(self) -> dict[str, str]:
        """The attribute list by name, without quotation marks."""
        return attributes(self.value)

    @property
    def place(self) -> str:
        """Where the tag is, for findings."""
        return f"line {self.line}, {self.name}"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A variant, an I-frame playlist or a rendition: its tag and its URI ("": none)."""

    tag: Tag
    uri: str

    def get(self, name: str) -> str:
        """The value of an attribute; "" if it is missing."""
        return self.tag.attributes.get(name, "")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A segment of a media playlist. `duration` is None without a valid EXTINF.

    `byte_range` is [start, stop), None for the whole resource; `init` is the EXT-X-MAP that applies, `method`
    the METHOD of the EXT-X-KEY that applies.
    """

    uri: str
    line: int
    duration: Fraction | None
    byte_range: tuple[int, int] | None = None
    init: Tag | None = None
    discontinuity: bool = False
    method: str = "NONE"

    @property
    def encrypted(self) -> bool:
        """Whether it is encrypted, as a whole or in its samples."""
        return self.method != "NONE"

    @property
    def encrypted_samples(self) -> bool:
        """Whether its samples are encrypted: boxes are in the clear."""
        return self.method.startswith("SAMPLE-AES")


@dataclass(frozen=True, kw_only=True)
class Playlist:
    """A playlist of any kind; `name` is its path or URL."""

    name: str
    text: str
    lines: tuple[Line, ...]
    tags: tuple[Tag, ...]

    def all(self, name: str) -> list[Tag]:
        """The tags of this name, in order."""
        return [tag for tag in self.tags if tag.name == name]

    def first(self, name: str) -> Tag | None:
        """The first tag of this name."""
        return next((tag for tag in self.tags if tag.name == name), None)

    @property
    def multivariant_tags(self) -> list[Tag]:
        """Tags that only a multivariant playlist may have."""
        return [tag for tag in self.tags if tag.name in _MULTIVARIANT_TAGS]

    @property
    def media_tags(self) -> list[Tag]:
        """Tags that only a media playlist may have."""
        return [tag for tag in self.tags if tag.name in _MEDIA_TAGS]


@dataclass(frozen=True, kw_only=True)
class MultivariantPlaylist(Playlist):
    """The multivariant (master) playlist; a STREAM-INF that no URI follows has the URI ""."""

    variants: tuple[Reference, ...]
    iframes: tuple[Reference, ...]
    renditions: tuple[Reference, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        """All references that have a URI."""
        return tuple(each for each in (*self.variants, *self.iframes, *self.renditions) if each.uri)

    def group(self, kind: str, name: str) -> list[Reference]:
        """The renditions of a group."""
        return [each for each in self.renditions if each.get("TYPE") == kind and each.get("GROUP-ID") == name]


@dataclass(frozen=True, kw_only=True)
class MediaPlaylist(Playlist):
    """A media playlist; `target` is None without a valid EXT-X-TARGETDURATION."""

    entries: tuple[Entry, ...]
    target: int | None

    @property
    def kind(self) -> str:
        """The value of EXT-X-PLAYLIST-TYPE, or ""."""
        tag = self.first("#EXT-X-PLAYLIST-TYPE")
        return tag.value.strip() if tag else ""

    @property
    def ended(self) -> bool:
        """Whether no segment will be added."""
        return self.first("#EXT-X-ENDLIST") is not None

    @property
    def iframes_only(self) -> bool:
        """Whether its segments are single I-frames."""
        return self.first("#EXT-X-I-FRAMES-ONLY") is not None

    @cached_property
    def duration(self) -> Fraction:
        """The sum of EXTINF in seconds."""
        return sum((entry.duration or Fraction(0) for entry in self.entries), Fraction(0))

    @cached_property
    def starts(self) -> tuple[Fraction, ...]:
        """The start of each segment by EXTINF, in seconds."""
        found, at = [], Fraction(0)
        for entry in self.entries:
            found.append(at)
            at += entry.duration or Fraction(0)
        return tuple(found)


def parse_playlist(text: str, name: str) -> MultivariantPlaylist | MediaPlaylist:
    """A playlist; multivariant if it has a tag that only such a playlist may have, and no EXTINF.

    Raises `FormatError` only for a playlist beyond the limits.
    """
    lines = tuple(split_lines(text, name))
    tags = tuple(
        Tag(name=line.name, value=line.value, line=line.number)
        for line in lines
        if line.name not in {"", "#"}
    )
    names = {tag.name for tag in tags}
    if names & _MULTIVARIANT_TAGS and "#EXTINF" not in names:
        return _multivariant(text, name, lines, tags)
    return MediaPlaylist(
        name=name,
        text=text,
        lines=lines,
        tags=tags,
        entries=tuple(_entries(lines)),
        target=_whole(next((tag.value for tag in tags if tag.name == "#EXT-X-TARGETDURATION"), "")),
    )


def _multivariant(
    text: str, name: str, lines: tuple[Line, ...], tags: tuple[Tag, ...]
) -> MultivariantPlaylist:
    uris: dict[int, str] = {}  # by the line of its STREAM-INF
    pending: int | None = None
    for line in lines:
        if line.name == STREAM_INF:
            pending = line.number
        elif not line.name and pending is not None:
            uris[pending], pending = line.value, None
    own = {kind: tuple(_reference(tag, uris) for tag in tags if tag.name == kind) for kind in _KINDS}
    return MultivariantPlaylist(
        name=name,
        text=text,
        lines=lines,
        tags=tags,
        variants=own[STREAM_INF],
        iframes=own[IFRAME_INF],
        renditions=own[MEDIA],
    )


_KINDS = (STREAM_INF, IFRAME_INF, MEDIA)


def _reference(tag: Tag, uris: dict[int, str]) -> Reference:
    uri = uris.get(tag.line, "") if tag.name == STREAM_INF else tag.attributes.get("URI", "")
    return Reference(tag=tag, uri=uri)


def _entries(lines: tuple[Line, ...]) -> Iterator[Entry]:
    pending: dict[str, str] = {}
    init: Tag | None = None
    method = "NONE"
    before: Entry | None = None
    for line in lines:
        if line.name == "#EXT-X-MAP":
            init = Tag(name=line.name, value=line.value, line=line.number)
        elif line.name == "#EXT-X-KEY":
            method = attributes(line.value).get("METHOD", "NONE")
        elif line.name:
            pending[line.name] = line.value
        else:
            before = Entry(
                uri=line.value,
                line=line.number,
                duration=_seconds(pending.get("#EXTINF", "")),
                byte_range=_byte_range(pending.get("#EXT-X-BYTERANGE", ""), line.value, before),
                init=init,
                discontinuity="#EXT-X-DISCONTINUITY" in pending,
                method=method,
            )
            pending = {}
            yield before


def _byte_range(value: str, uri: str, before: Entry | None) -> tuple[int, int] | None:
    """The range; without an offset it follows that of the entry before (RFC 8216 section 4.3.2.2)."""
    length, _, offset = value.partition("@")
    count = _whole(length)
    if count is None:
        return None
    start = _whole(offset) if offset else None
    if start is None:
        start = before.byte_range[1] if before and before.byte_range and before.uri == uri else 0
    return start, start + count


def parse_byte_range(value: str) -> tuple[int, int] | None:
    """The [start, stop) of a BYTERANGE attribute; None if it is missing or invalid."""
    return _byte_range(value, "", None)


def _whole(value: str) -> int | None:
    try:
        return parse_whole(value.strip())
    except ValueError:
        return None


def _seconds(value: str) -> Fraction | None:
    try:
        length = parse_rational(value.partition(",")[0].strip())
    except ValueError:
        return None
    return length if length >= 0 else None
