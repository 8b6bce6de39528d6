"""Rules of initialization segments against the manifests: codecs, sizes, frame rates, dynamic range."""

from __future__ import annotations

from collections.abc import Iterator

from eddyline.media.streaming.validation.codec_strings import agree, parse_codec, parse_codecs
from eddyline.media.streaming.validation.measure import track_name
from eddyline.media.streaming.validation.mpd_model import Mpd, Representation
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.rules.mpd_rules import at as in_mpd
from eddyline.media.streaming.validation.rules.mpd_rules import mpd_of
from eddyline.media.streaming.validation.rules.multivariant_rules import at
from eddyline.media.streaming.validation.stream_model import MeasuredTrack, SampleEntry, Stream, Variant

_RANGES = {16: "PQ", 18: "HLG"}
_RATE_TOLERANCE = 0.01  # frames/s
_TIME_TOLERANCE_S = 0.1  # of audio, whose frames last up to 64 ms


def _variants(stream: Stream) -> Iterator[tuple[Variant, MeasuredTrack, SampleEntry]]:
    """Variants and I-frame playlists with the sample entry of their video."""
    for each in (*stream.variants, *stream.iframes):
        track = stream.tracks.get(each.playlist.name) if each.playlist else None
        if track and track.entry and not track.entry.encrypted:
            yield each, track, track.entry


def _representations(stream: Stream) -> Iterator[tuple[Mpd, Representation, MeasuredTrack]]:
    for mpd in mpd_of(stream):
        for each in mpd.representations:
            track = stream.tracks.get(track_name(mpd, each))
            if track and not (track.entry and track.entry.encrypted):
                yield mpd, each, track


def _audio_entries(stream: Stream, variant: Variant) -> Iterator[SampleEntry]:
    for rendition in stream.master.group("AUDIO", variant.get("AUDIO")) if stream.master else ():
        playlist = stream.playlist_of(rendition)
        track = stream.tracks.get(playlist.name) if playlist else None
        if track and track.entry and not track.entry.encrypted:
            yield track.entry


def _codecs(stream: Stream) -> Iterator[Violation]:
    for each, track, _ in _variants(stream):
        entries = [*track.entries, *_audio_entries(stream, each)]
        for text in dict.fromkeys(entry.codec for entry in entries):
            if each.codecs and not any(agree(declared, parse_codec(text)) for declared in each.codecs):
                yield at(stream, each.reference, each.get("CODECS"), f"{text}, as the sample entry")


def _resolution(stream: Stream) -> Iterator[Violation]:
    for each, _, entry in _variants(stream):
        coded = (entry.width, entry.height)
        if entry.kind == "video" and each.size and each.size not in {coded, entry.display}:
            yield at(stream, each.reference, f"RESOLUTION={each.get('RESOLUTION')}", f"{coded[0]}x{coded[1]}")


def _frame_rate(stream: Stream) -> Iterator[Violation]:
    for each, track, entry in _variants(stream):
        if entry.kind != "video" or not track.frame or not each.rate:
            continue
        actual = float(1 / track.frame)
        if abs(actual - each.rate) > _RATE_TOLERANCE:
            yield at(stream, each.reference, f"FRAME-RATE={each.get('FRAME-RATE')}", f"{actual:.3f}")


def _transfer(stream: Stream) -> Iterator[Violation]:
    for each, _, entry in _variants(stream):
        if entry.kind != "video" or entry.transfer in {None, 2}:  # 2: unspecified
            continue
        actual = _RANGES.get(entry.transfer or 0, "SDR")
        if each.video_range != actual:
            stated = f"VIDEO-RANGE={each.get('VIDEO-RANGE') or 'missing'}"
            required = f"{actual}, because of transfer characteristics {entry.transfer}"
            yield at(stream, each.reference, stated, required)


def _one_track(stream: Stream) -> Iterator[Violation]:
    for name, track in stream.tracks.items():
        for entry in track.entries:
            if entry.tracks != 1 or entry.entries != 1:
                actual = f"{entry.tracks} tracks, {entry.entries} sample entries"
                file, _, place = name.partition("#")
                yield Violation(
                    file=file,
                    place=place or "#EXT-X-MAP",
                    actual=actual,
                    required="one track with one sample entry",
                )


def _equal_entries(stream: Stream) -> Iterator[Violation]:
    for playlist in stream.media.values():
        track = stream.tracks.get(playlist.name)
        changes = any(entry.discontinuity for entry in playlist.entries)
        if track and len(set(track.entries)) > 1 and not changes:
            actual = ", ".join(dict.fromkeys(entry.codec for entry in track.entries))
            yield Violation(
                file=playlist.name,
                place="#EXT-X-MAP",
                actual=f"different sample entries: {actual}",
                required="equal ones, or EXT-X-DISCONTINUITY",
            )


def _layout(stream: Stream) -> Iterator[Violation]:
    for each, _, entry in _variants(stream):
        if entry.layout and not each.get("REQ-VIDEO-LAYOUT"):
            yield at(stream, each.reference, "no REQ-VIDEO-LAYOUT", f'REQ-VIDEO-LAYOUT="{entry.layout}"')


def _static_hdr(stream: Stream) -> Iterator[Violation]:
    for each, _, entry in _variants(stream):
        if each.video_range == "PQ" and entry.kind == "video" and not entry.static_hdr:
            required = "mastering display and content light level (boxes mdcv and clli, or SEI in hvcC)"
            yield at(stream, each.reference, "no static HDR metadata in the sample entry", required)


def _mpd_codecs(stream: Stream) -> Iterator[Violation]:
    for mpd, each, track in _representations(stream):
        declared = parse_codecs(each.get("codecs"))
        for entry in track.entries:
            if declared and not any(agree(codec, parse_codec(entry.codec)) for codec in declared):
                yield in_mpd(mpd, f"{each.place}@codecs", each.get("codecs"), entry.codec)


def _mpd_size(stream: Stream) -> Iterator[Violation]:
    for mpd, each, track in _representations(stream):
        entry = track.entry
        stated = (each.get("width"), each.get("height"))
        if entry is None or entry.kind != "video" or not all(stated):
            continue
        if stated != (str(entry.width), str(entry.height)):
            actual = f"{stated[0]}x{stated[1]}"
            yield in_mpd(mpd, f"{each.place}@width", actual, f"{entry.width}x{entry.height}")


def _mpd_times(stream: Stream) -> Iterator[Violation]:
    for mpd, each, track in _representations(stream):
        segments = each.segments
        for found in track.readable:
            start = segments.spans[found.index][0] / segments.timescale
            average = float(found.end - found.start) / found.frames
            allowed = average if track.entry and track.entry.kind == "video" else _TIME_TOLERANCE_S
            if track.entry and track.entry.kind != "text" and abs(float(found.start) - start) > allowed:
                place = f"{each.place}/SegmentTimeline ({segments.urls[found.index]})"
                yield in_mpd(mpd, place, f"{start:.4f} s", f"{float(found.start):.4f} s, as in the segment")
                break


RULES: tuple[Rule, ...] = (
    must(
        "RFC8216-4.3.4.2:sample-entry",
        "CODECS names the codec, profile and level of every sample entry of the variant.",
        "write the codec string of the sample entry",
        _codecs,
    ),
    must(
        "RFC8216-4.3.4.2:resolution",
        "RESOLUTION is the size of the video.",
        "correct RESOLUTION",
        _resolution,
    ),
    must(
        "RFC8216-4.3.4.2:frame-rate",
        "FRAME-RATE is the frame rate of the video, to three decimals.",
        "correct FRAME-RATE",
        _frame_rate,
    ),
    must(
        "BIS-4.4.6.2:transfer",
        "VIDEO-RANGE agrees with the transfer characteristics of the video.",
        "correct VIDEO-RANGE",
        _transfer,
    ),
    must(
        "CMAF-7.3",
        "An initialization segment has one track with one sample entry (also Apple item 2.17).",
        "package each track separately",
        _one_track,
    ),
    must(
        "RFC8216-4.3.2.3",
        "All segments of a playlist have the same sample entry, unless a discontinuity marks the change.",
        "encode all parts with the same settings, or add EXT-X-DISCONTINUITY",
        _equal_entries,
    ),
    must(
        "APPLE-16.1",
        "Variants with spherical video have REQ-VIDEO-LAYOUT.",
        "add REQ-VIDEO-LAYOUT",
        _layout,
    ),
    should(
        "APPLE-1.35",
        "HDR10 video has static metadata: mastering display and content light level (also item 1.8).",
        "keep the metadata of the source when encoding and packaging",
        _static_hdr,
    ),
    must(
        "DASH-5.3.7.2:codecs",
        "@codecs agrees with the sample entry.",
        "write the codec string of the sample entry",
        _mpd_codecs,
    ),
    must(
        "DASH-5.3.7.2:size",
        "@width and @height are the size of the video.",
        "correct the attribute",
        _mpd_size,
    ),
    must(
        "DASH-5.3.9.6:times",
        "A segment starts when the timeline states, to within a frame.",
        "write the timeline from the segments' times",
        _mpd_times,
    ),
)
