"""Opens the segments of a stream: sizes, times, keyframes, sample entries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from eddyline.core.errors import FormatError, MissingError, UnsupportedError
from eddyline.media.streaming.mpd_tree import NAMESPACE
from eddyline.media.streaming.validation.files import OutsideError, StreamFiles
from eddyline.media.streaming.validation.hls_model import MediaPlaylist, parse_byte_range
from eddyline.media.streaming.validation.mpd_model import Mpd, Representation
from eddyline.media.streaming.validation.sample_entry import read_sample_entry
from eddyline.media.streaming.validation.segment_times import SplicedFiles, measure_segments, read_init
from eddyline.media.streaming.validation.stream_model import (
    MeasuredSegment,
    MeasuredTrack,
    SampleEntry,
    Stream,
    Unreadable,
)

_MAX_INIT = 16 * 1024 * 1024
_MAX_MISSING = 20  # missing segments that are reported of a playlist
_RUN = 64  # local segments that are read together
_HEAD = 4096  # bytes of a WebVTT file up to its first cue
_TEXT = (".vtt", ".webvtt")
Range = tuple[int, int] | None


@dataclass(frozen=True)
class _Part:
    """A segment: its file, its byte range (None: all), its initialization segment ("": none), its place."""

    name: str
    byte_range: Range
    init: str
    init_range: Range
    place: str


@dataclass(kw_only=True)
class Measurement:
    """The tracks by playlist or representation, what could not be read, and how many segments were opened."""

    tracks: dict[str, MeasuredTrack] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    segments: int = 0


def measure_stream(files: StreamFiles, stream: Stream, sample: int | None) -> tuple[Stream, int]:
    """The stream with measurements of `sample` segments per playlist (None: all), and their number."""
    measurement = Measurement()
    known: dict[tuple[_Part, ...], MeasuredTrack] = {}
    for name, parts in _all_parts(files, stream, measurement):
        key = tuple(replace(part, place="") for part in parts)  # MPD and playlist share them
        if key not in known:
            known[key] = _Track(files, name, parts, measurement).measure(sample)
        measurement.tracks[name] = known[key]
    measured = replace(
        stream,
        tracks=measurement.tracks,
        unreadable=(*stream.unreadable, *measurement.unreadable),
    )
    return measured, measurement.segments


def track_name(mpd: Mpd, representation: Representation) -> str:
    """The key of a representation's measurements."""
    return f"{mpd.name}#{representation.place}"


def _all_parts(
    files: StreamFiles, stream: Stream, measurement: Measurement
) -> Iterator[tuple[str, list[_Part]]]:
    for playlist in stream.media.values():
        yield playlist.name, list(_playlist_parts(files, playlist, measurement))
    if stream.mpd is not None:
        for each in stream.mpd.representations:
            if each.segments.urls:
                parts = _representation_parts(files, stream.mpd, each, measurement)
                yield track_name(stream.mpd, each), list(parts)


def _playlist_parts(files: StreamFiles, playlist: MediaPlaylist, measurement: Measurement) -> Iterator[_Part]:
    for entry in playlist.entries:
        if entry.encrypted and not (entry.encrypted_samples and entry.init):
            return
        place = f"line {entry.line}, {entry.uri}"
        try:
            tag = entry.init
            init = files.resolve(playlist.name, tag.attributes.get("URI", "")) if tag else ""
            init_range = parse_byte_range(tag.attributes.get("BYTERANGE", "")) if tag else None
            name = files.resolve(playlist.name, entry.uri)
        except OutsideError as error:
            measurement.unreadable.append(
                Unreadable(file=playlist.name, place=place, reason=error.message, leads_out=True)
            )
            return
        yield _Part(name, entry.byte_range, init, init_range, place)


def _representation_parts(
    files: StreamFiles, mpd: Mpd, each: Representation, measurement: Measurement
) -> Iterator[_Part]:
    place = f"{each.place}/SegmentTemplate"
    try:
        base = _base(files, mpd, each)
        init = files.resolve(base, each.segments.init) if each.segments.init else ""
        for url in each.segments.urls:
            yield _Part(files.resolve(base, url), None, init, None, f"{place} ({url})")
    except OutsideError as error:
        measurement.unreadable.append(
            Unreadable(file=mpd.name, place=place, reason=error.message, leads_out=True)
        )


def _base(files: StreamFiles, mpd: Mpd, each: Representation) -> str:
    """The name to which the URLs of a representation are relative (ISO/IEC 23009-1 section 5.6.4)."""
    base = mpd.name
    periods = [period for period in mpd.periods if each.place.startswith(f"{period.place}/")]
    levels = [mpd.root, *(period.element for period in periods[:1]), each.parent, each.element]
    for level in levels:
        found = None if level is None else level.find(f"{NAMESPACE}BaseURL")
        url = (found.text or "").strip() if found is not None else ""
        if url:
            base = files.resolve(base, f"{url}_" if url.endswith("/") else url)  # a file in that directory
    return base


class _Track:
    def __init__(
        self, files: StreamFiles, name: str, parts: Sequence[_Part], measurement: Measurement
    ) -> None:
        self._files, self._name, self._parts = files, name.partition("#")[0], parts
        self._measurement = measurement
        self._inits: dict[tuple[str, Range], bytes] = {}
        self._missing = 0
        self._sizes: list[int | None] = [None] * len(parts)

    def measure(self, sample: int | None) -> MeasuredTrack:
        chosen = choose(len(self._parts), sample)
        if self._files.sizes_are_cheap:
            for number in range(len(self._parts)):
                self._size(number)
        for number, part in enumerate(self._parts):
            if part.byte_range:
                self._sizes[number] = part.byte_range[1] - part.byte_range[0]
        entries, problem = self._entries(chosen)
        segments: list[MeasuredSegment] = []
        text_map: bool | None = None
        if entries and not entries[0].encrypted:
            segments = list(self._segments(chosen))
        elif self._parts and self._parts[0].name.partition("?")[0].lower().endswith(_TEXT):
            text_map = self._maps_time(chosen)
        elif not self._files.sizes_are_cheap:
            for number in chosen:
                self._size(number)
        self._measurement.segments += len(segments)
        return MeasuredTrack(
            sizes=tuple(self._sizes),
            entries=entries,
            segments=tuple(segments),
            text_map=text_map,
            problem=problem,
        )

    def _entries(self, chosen: Sequence[int]) -> tuple[tuple[SampleEntry, ...], str]:
        """The sample entries of the distinct initialization segments, in order."""
        found: list[SampleEntry] = []
        inits = dict.fromkeys((self._parts[number].init, self._parts[number].init_range) for number in chosen)
        for init, init_range in inits:
            if not init:
                continue
            try:
                data = self._init(init, init_range)
                found.append(read_sample_entry(read_init(data, self._files)))
            except (MissingError, OutsideError) as error:
                self._report(init, error.message, init)
            except (FormatError, UnsupportedError) as error:
                return (), f"{init}: {error.message}"
        return tuple(found), ""

    def _init(self, name: str, byte_range: Range) -> bytes:
        if (name, byte_range) not in self._inits:
            with self._files.open(name) as opened:
                start, stop = byte_range or (0, opened.size)
                if stop - start > _MAX_INIT:
                    raise UnsupportedError("the initialization segment is too large")
                self._inits[name, byte_range] = opened.read(start, stop - start)
        return self._inits[name, byte_range]

    def _segments(self, chosen: Sequence[int]) -> Iterator[MeasuredSegment]:
        """The segments, as far as they exist; local ones are read many at a time, which takes less time."""
        length = _RUN if self._files.sizes_are_cheap else 1
        for run in _runs(self._parts, chosen, length):
            together = self._measure(run) if len(run) > 1 else None
            if together is not None:
                yield from together
            else:  # find out which of them is invalid
                yield from filter(None, map(self._segment, run))

    def _measure(self, run: Sequence[int]) -> list[MeasuredSegment] | None:
        """The segments of a run with one initialization segment; None if one is missing or invalid."""
        parts = [self._parts[number] for number in run]
        spans = [self._span(number) for number in run]
        try:
            init = self._init(parts[0].init, parts[0].init_range)
            names = [part.name for part in parts]
            with SplicedFiles(init, self._files, names, [span for span in spans if span]) as spliced:
                return None if not all(spans) else measure_segments(spliced, run)
        except (MissingError, OutsideError, FormatError, UnsupportedError):
            return None

    def _span(self, number: int) -> tuple[int, int] | None:
        """The bytes of a segment; None if its file is missing or shorter."""
        size, byte_range = self._sizes[number], self._parts[number].byte_range
        return byte_range or (None if not size else (0, size))

    def _segment(self, number: int) -> MeasuredSegment | None:
        part = self._parts[number]
        try:
            init = self._init(part.init, part.init_range)
            with self._files.open(part.name) as opened:
                span = part.byte_range or (0, opened.size)
                self._sizes[number] = span[1] - span[0]
                if span[1] > opened.size:
                    problem = f"the byte range ends at {span[1]}, the file at {opened.size}"
                    return MeasuredSegment(index=number, problem=problem)
            with SplicedFiles(init, self._files, [part.name], [span]) as spliced:
                return measure_segments(spliced, [number])[0]
        except (MissingError, OutsideError) as error:
            self._report(part.name, error.message, part.place)
            return None
        except (FormatError, UnsupportedError) as error:
            return MeasuredSegment(index=number, problem=error.message)

    def _size(self, number: int) -> None:
        part = self._parts[number]
        try:
            size = self._files.size(part.name)
        except (MissingError, OutsideError) as error:
            self._report(part.name, error.message, part.place)
            return
        if part.byte_range is None:
            self._sizes[number] = size

    def _maps_time(self, chosen: Sequence[int]) -> bool:
        """Whether all WebVTT files have an X-TIMESTAMP-MAP (RFC 8216 section 3.5)."""
        for number in chosen:
            part = self._parts[number]
            try:
                with self._files.open(part.name) as opened:
                    self._sizes[number] = opened.size
                    head = opened.read(0, min(opened.size, _HEAD))
            except (MissingError, OutsideError) as error:
                self._report(part.name, error.message, part.place)
                continue
            if b"X-TIMESTAMP-MAP" not in head:
                return False
        return True

    def _report(self, name: str, reason: str, place: str) -> None:
        seen = {each.reason for each in self._measurement.unreadable if each.file == self._name}
        if self._missing < _MAX_MISSING and reason not in seen:
            self._missing += 1
            self._measurement.unreadable.append(
                Unreadable(file=self._name, place=place or name, reason=reason, segment=True)
            )


def _runs(parts: Sequence[_Part], chosen: Sequence[int], length: int) -> Iterator[list[int]]:
    """The chosen numbers in runs of at most `length` adjacent ones with the same initialization segment."""
    run: list[int] = []
    for number in chosen:
        follows = bool(run) and number == run[-1] + 1 and parts[number].init == parts[run[-1]].init
        if run and (len(run) == length or not follows):
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def choose(count: int, sample: int | None) -> list[int]:
    """The numbers of `sample` of `count` segments: the first two, the last, others at equal distances."""
    if sample is None or count <= sample:
        return list(range(count))
    if sample <= 1:
        return [0][:sample]
    even = {place * (count - 1) // (sample - 1) for place in range(sample)}
    if sample > 2 and 1 not in even:  # noqa: PLR2004 - adjacent segments show whether times are continuous
        even = (even - {sorted(even)[1]}) | {1}
    return sorted(even)
