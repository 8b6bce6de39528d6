"""Rules of measured bit rates against the stated ones (Apple items 1.26, 1.27, 1.30 and 6.9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from eddyline.media.streaming.bit_rates import BitRates, is_continuous, measure_bit_rates
from eddyline.media.streaming.validation.hls_model import MediaPlaylist, Reference
from eddyline.media.streaming.validation.measure import track_name
from eddyline.media.streaming.validation.mpd_model import seconds
from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.rules.mpd_rules import at as in_mpd
from eddyline.media.streaming.validation.rules.mpd_rules import mpd_of
from eddyline.media.streaming.validation.rules.multivariant_rules import at
from eddyline.media.streaming.validation.stream_model import Stream, Variant

_TOLERANCE = 0.10
_NOTHING = BitRates(peak=0, average=0)


def _rates(stream: Stream, playlist: MediaPlaylist | None) -> BitRates | None:
    """The bit rates of a complete playlist, if the sizes of all its segments are known."""
    track = stream.tracks.get(playlist.name) if playlist else None
    sizes = track.known_sizes if track else None
    if playlist is None or sizes is None or not playlist.ended or not playlist.target:
        return None
    durations = [entry.duration for entry in playlist.entries]
    lengths = [length for length in durations if length is not None]
    if len(lengths) != len(sizes) or not sum(lengths):
        return None
    return measure_bit_rates(sizes, lengths, playlist.target)


def _group(stream: Stream, members: list[Reference]) -> BitRates | None:
    """The largest rates of a group's separate renditions; None if they are unknown."""
    rates = [_rates(stream, stream.playlist_of(each)) for each in members if each.uri]
    known = [each for each in rates if each is not None]
    if len(known) < len(rates):
        return None
    return BitRates(
        peak=max((each.peak for each in known), default=0),
        average=max((each.average for each in known), default=0),
    )


def _total(stream: Stream, variant: Variant) -> BitRates | None:
    """The rates of a variant with the largest audio and subtitles that it references."""
    own = _rates(stream, variant.playlist)
    if own is None or stream.master is None:
        return None
    audio = _group(stream, stream.master.group("AUDIO", variant.get("AUDIO")))
    text = _group(stream, stream.master.group("SUBTITLES", variant.get("SUBTITLES"))) or _NOTHING
    if audio is None:
        return None
    return BitRates(
        peak=own.peak + audio.peak + text.peak, average=own.average + audio.average + text.average
    )


def _compare(
    stream: Stream,
    variants: list[Variant],
    measure: Callable[[Stream, Variant], BitRates | None],
    attribute: str,
) -> Iterator[Violation]:
    for each in variants:
        rates = measure(stream, each)
        stated = each.bandwidth if attribute == "BANDWIDTH" else each.average
        if rates is None or not stated or not each.get(attribute):
            continue
        actual = rates.peak if attribute == "BANDWIDTH" else rates.average
        if abs(actual - stated) > _TOLERANCE * stated:
            required = f"{attribute} within 10 % of it, not {stated:.0f}"
            yield at(stream, each.reference, f"measured {actual} bit/s", required)


def _average(stream: Stream) -> Iterator[Violation]:
    yield from _compare(stream, stream.variants, _total, "AVERAGE-BANDWIDTH")


def _peak(stream: Stream) -> Iterator[Violation]:
    yield from _compare(stream, stream.variants, _total, "BANDWIDTH")


def _iframe_peak(stream: Stream) -> Iterator[Violation]:
    def own(stream: Stream, variant: Variant) -> BitRates | None:
        return _rates(stream, variant.playlist)

    yield from _compare(stream, stream.iframes, own, "BANDWIDTH")
    yield from _compare(stream, stream.iframes, own, "AVERAGE-BANDWIDTH")


def _steady(stream: Stream) -> Iterator[Violation]:
    for each in stream.variants:
        rates = _total(stream, each)
        if rates and rates.peak > 2 * rates.average:
            actual = f"a peak of {100 * rates.peak / rates.average:.0f} % of the average"
            yield at(stream, each.reference, actual, "at most 200 %")


def _continuous(stream: Stream) -> Iterator[Violation]:
    for mpd in mpd_of(stream):
        buffer = seconds(mpd.get("minBufferTime"))
        for each in mpd.representations:
            track = stream.tracks.get(track_name(mpd, each))
            sizes = track.known_sizes if track else None
            bandwidth = each.element.get("bandwidth", "")
            if sizes is None or buffer is None or not bandwidth.isdigit() or len(bandwidth) > 18:  # noqa: PLR2004
                continue
            # One bit/s more, for rounding.
            if not is_continuous(sizes, each.segments.durations, buffer, int(bandwidth) + 1):
                required = "a bandwidth at which playback from any segment is continuous"
                yield in_mpd(mpd, f"{each.place}@bandwidth", bandwidth, required)


RULES: tuple[Rule, ...] = (
    must(
        "APPLE-1.26",
        "The average bit rate of a variant is within 10 % of AVERAGE-BANDWIDTH.",
        "write the measured average to AVERAGE-BANDWIDTH",
        _average,
    ),
    must(
        "APPLE-1.27",
        "The peak bit rate of a variant is within 10 % of BANDWIDTH (also item 9.13).",
        "write the measured peak to BANDWIDTH",
        _peak,
    ),
    must(
        "APPLE-6.9",
        "BANDWIDTH and AVERAGE-BANDWIDTH of an I-frame playlist are within 10 % of the measured rates.",
        "write the measured rates",
        _iframe_peak,
    ),
    should(
        "APPLE-1.30",
        "The peak bit rate of a variant is at most 200 % of its average.",
        "encode with a lower maxrate_kbps",
        _steady,
    ),
    must(
        "DASH-5.3.5.2:continuous",
        "At @bandwidth, playback from any segment is continuous after @minBufferTime.",
        "increase bandwidth",
        _continuous,
    ),
)
