"""Writes the bit rates of the finished segments to the master playlist and the MPD.

The packager states those of its output before Eddyline edits it, and its average is not that of RFC
8216. An I-frame playlist counts the fragments with its frames.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path, PurePosixPath

from eddyline.media.streaming.bit_rates import BitRates, measure_bit_rates, required_bandwidth
from eddyline.media.streaming.mpd_tree import parse_duration
from eddyline.media.streaming.playlist_lines import attributes
from eddyline.media.streaming.playlists import Representation, read_media_playlist, read_mpd

_MASTER, _MPD = "master.m3u8", "manifest.mpd"
_TAG = re.compile(r"(?m)^(#EXT-X-STREAM-INF|#EXT-X-I-FRAME-STREAM-INF|#EXT-X-MEDIA):(.*)(?:\n(?!#)(.*))?$")
_RATES = re.compile(r"(?<![A-Z-])(?:AVERAGE-)?BANDWIDTH=\d+,?")
_BUFFER = re.compile(r'minBufferTime="([^"]*)"')
_INIT = re.compile(r'initialization="([^"]*)"')
_BANDWIDTH = re.compile(r'bandwidth="\d+"')
_NOTHING = BitRates(peak=0, average=0)


def write_bit_rates(stream: Path) -> None:
    """Set BANDWIDTH, AVERAGE-BANDWIDTH and @bandwidth of a stream whose segments are final."""
    master, mpd = stream / _MASTER, stream / _MPD
    text = mpd.read_text("utf-8")
    representations = {each.init: each for each in read_mpd(text, _MPD)[1]}
    rates = {
        path.relative_to(stream).as_posix(): _measure(stream, path, representations)
        for path in sorted(stream.rglob("*.m3u8"))
        if path != master
    }
    master.write_text(with_bit_rates(master.read_text("utf-8"), rates), "utf-8")
    found = _BUFFER.search(text)
    buffer = parse_duration(found[1]) if found else Fraction(0)
    bandwidths = {
        init: _bandwidth(stream, each, rates[str(PurePosixPath(init).with_name("main.m3u8"))], buffer)
        for init, each in representations.items()
    }
    mpd.write_text(_with_bandwidths(text, bandwidths), "utf-8")


def with_bit_rates(text: str, rates: Mapping[str, BitRates]) -> str:
    """The master playlist with the bit rates of its variants and I-frame playlists; `rates` by URI.

    Those of a variant include the largest of each group of renditions that it references.
    """
    groups: dict[tuple[str, str], list[BitRates]] = {}
    for tag, value, _ in _TAG.findall(text):
        media = attributes(value)
        if tag == "#EXT-X-MEDIA" and media.get("URI") in rates:
            group = (media.get("TYPE", ""), media.get("GROUP-ID", ""))
            groups.setdefault(group, []).append(rates[media["URI"]])

    def replace(found: re.Match[str]) -> str:
        tag, value, uri = found.groups()
        stated = attributes(value)
        own = rates.get(stated.get("URI", uri or ""))
        if own is None or tag == "#EXT-X-MEDIA":
            return found[0]
        peak, average = own.peak, own.average
        for kind in ("AUDIO", "SUBTITLES"):
            others = groups.get((kind, stated.get(kind, "")), [_NOTHING])
            peak += max(each.peak for each in others)
            average += max(each.average for each in others)
        rest = _RATES.sub("", value).strip(",")
        end = "" if uri is None else f"\n{uri}"
        return f"{tag}:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},{rest}{end}"

    return _TAG.sub(replace, text)


def _measure(stream: Path, path: Path, representations: Mapping[str, Representation]) -> BitRates:
    """The bit rates of a media playlist. A subtitle playlist has one WebVTT file and no MAP."""
    name = path.relative_to(stream).as_posix()
    if f"{PurePosixPath(name).parent}/init.mp4" not in representations:
        return _measure_text(path)
    playlist = read_media_playlist(path.read_text("utf-8"), name)
    sizes = [
        each.byte_range[1] - each.byte_range[0]
        if each.byte_range
        else path.with_name(each.uri).stat().st_size
        for each in playlist.segments
    ]
    return measure_bit_rates(sizes, [each.duration for each in playlist.segments], playlist.target)


def _measure_text(path: Path) -> BitRates:
    durations = [Fraction(each) for each in re.findall(r"(?m)^#EXTINF:([\d.]+)", path.read_text("utf-8"))]
    sizes = [each.stat().st_size for each in sorted(path.parent.glob("*.vtt"))]
    return measure_bit_rates(sizes, durations, round(max(durations)))


def _bandwidth(stream: Path, each: Representation, rates: BitRates, buffer: Fraction) -> int:
    """The larger of the peak and the rate at which playback is continuous from any segment."""
    sizes = [(stream / name).stat().st_size for name in each.media]
    durations = [
        Fraction(end - start, each.timescale) for start, end in zip(each.starts, each.ends, strict=True)
    ]
    return max(rates.peak, required_bandwidth(sizes, durations, buffer))


def _with_bandwidths(text: str, bandwidths: Mapping[str, int]) -> str:
    head, *parts = text.split("<Representation ")
    return "<Representation ".join([head, *(_with_bandwidth(part, bandwidths) for part in parts)])


def _with_bandwidth(part: str, bandwidths: Mapping[str, int]) -> str:
    init = _INIT.search(part)
    value = bandwidths.get(init[1]) if init else None
    return part if value is None else _BANDWIDTH.sub(f'bandwidth="{value}"', part, count=1)
