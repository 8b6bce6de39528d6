"""Rules of I-frame playlists, which players use to scrub (Apple item 6)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from eddyline.media.streaming.validation.rule import Rule, Violation, must, should
from eddyline.media.streaming.validation.rules.multivariant_rules import at
from eddyline.media.streaming.validation.stream_model import Stream

_DENSE_S = Fraction(21, 20)  # one frame a second, as rounded


def _provided(stream: Stream) -> Iterator[Violation]:
    if stream.master and stream.video_variants and not stream.iframes:
        place = "#EXT-X-I-FRAME-STREAM-INF"
        yield Violation(file=stream.master.name, place=place, actual="missing", required="I-frame playlists")


def _several(stream: Stream) -> Iterator[Violation]:
    sizes = {each.get("RESOLUTION") for each in stream.video_variants}
    if len(stream.iframes) == 1 and len(sizes) > 1:
        yield at(stream, stream.iframes[0].reference, "one I-frame playlist", "several bit rates")


def _iframes_only(stream: Stream) -> Iterator[Violation]:
    for each in stream.iframes:
        if each.playlist and not each.playlist.iframes_only:
            name = "#EXT-X-I-FRAMES-ONLY"
            yield Violation(file=each.playlist.name, place=name, actual="missing", required=name)


def _variants_have_all_frames(stream: Stream) -> Iterator[Violation]:
    for each in stream.variants:
        if each.playlist and each.playlist.iframes_only:
            yield at(stream, each.reference, "an I-frame playlist", "a playlist with all frames")


def _dense(stream: Stream) -> Iterator[Violation]:
    for each in stream.iframes:
        found = each.playlist
        if found and found.iframes_only and found.duration > _DENSE_S * len(found.entries):
            actual = f"an I-frame every {float(found.duration) / len(found.entries):.2f} s"
            yield Violation(file=found.name, place="#EXTINF", actual=actual, required="one every second")


def _h264(stream: Stream) -> Iterator[Violation]:
    families = {each.video.family for each in stream.iframes if each.video}
    if families and not families & {"h264", "mjpg"}:
        first = stream.iframes[0]
        yield at(stream, first.reference, first.get("CODECS"), "some I-frame playlists in H.264")


def _sdr(stream: Stream) -> Iterator[Violation]:
    found = stream.iframes
    if found and all(each.video_range != "SDR" for each in found):
        yield at(stream, found[0].reference, f"VIDEO-RANGE={found[0].video_range} only", "SDR, too")


def _hdr_sizes(stream: Stream) -> Iterator[Violation]:
    hdr = {each.get("RESOLUTION") for each in stream.iframes if each.video_range != "SDR"}
    wanted = {each.get("RESOLUTION") for each in stream.video_variants if each.video_range != "SDR"}
    if hdr and wanted - hdr:
        first = next(each for each in stream.iframes if each.video_range != "SDR")
        missing = ", ".join(sorted(wanted - hdr))
        yield at(
            stream, first.reference, f"no HDR I-frame playlist of {missing}", "all sizes of HDR variants"
        )


RULES: tuple[Rule, ...] = (
    must("APPLE-6.1", "Video has I-frame playlists.", "package with I-frame playlists", _provided),
    should(
        "APPLE-6.2",
        "I-frame playlists have a frame every second.",
        "encode with a keyframe every second (gop_s in a profile)",
        _dense,
    ),
    should(
        "APPLE-6.6",
        "I-frame playlists have several bit rates.",
        "add the I-frame playlists of the other variants",
        _several,
    ),
    must(
        "APPLE-6.8",
        "An I-frame playlist has EXT-X-I-FRAMES-ONLY.",
        "add #EXT-X-I-FRAMES-ONLY",
        _iframes_only,
    ),
    must(
        "RFC8216-4.3.3.6",
        "EXT-X-STREAM-INF references playlists with all frames.",
        "reference the playlist with all frames; I-frame playlists have their own tag",
        _variants_have_all_frames,
    ),
    should(
        "APPLE-6.14",
        "Some I-frame playlists are H.264.",
        "add I-frame playlists of H.264 variants",
        _h264,
    ),
    should(
        "APPLE-6.15",
        "HDR I-frame playlists have all sizes of the HDR variants.",
        "add the I-frame playlists of the other HDR variants",
        _hdr_sizes,
    ),
    must(
        "APPLE-6.16",
        "I-frame playlists are available in SDR.",
        "add I-frame playlists of SDR variants",
        _sdr,
    ),
)
