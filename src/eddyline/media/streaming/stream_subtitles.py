"""Subtitles of a packaged stream: WebVTT renditions in HLS, text adaptation sets in DASH.

In HLS each track is one WebVTT file, whose X-TIMESTAMP-MAP maps cue times to the media timeline (RFC 8216
section 3.5). In DASH the same cues are one segment of fragmented MP4.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from math import ceil
from pathlib import Path

from eddyline.core.timebase import rescale
from eddyline.media.languages import language_tag
from eddyline.media.streaming.playlists import read_master_playlist, read_mpd, with_attribute
from eddyline.media.streaming.stream_errors import require_stream
from eddyline.media.streaming.timeline import Timeline
from eddyline.media.subtitles.cues import Cue, Subtitles, to_webvtt
from eddyline.media.subtitles.webvtt_fragments import TICKS, init_segment, media_segment
from eddyline.media.subtitles.webvtt_samples import read_cues
from eddyline.media.video.joined_files import JoinedFiles
from eddyline.mp4.index import read_movie

GROUP = "subtitles"
_MASTER, _MPD = "master.m3u8", "manifest.mpd"
_FILE, _PLAYLIST = "subtitles.vtt", "main.m3u8"
_INIT, _SEGMENT = "init.mp4", "00001.m4s"
_MAP = "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n"
_NAMESPACE = "{urn:mpeg:dash:schema:mpd:2011}"
_ROLE = "urn:mpeg:dash:role:2011"
_FORMAT = "wvtt"
_CODECS = re.compile(r'(?m)^(#EXT-X-STREAM-INF:[^\n]*CODECS="[^"\n]+)"')
_CUE = re.compile(r"^\d{2,}:\d\d:\d\d\.\d{3} --> ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class _Rendition:
    """One track in the stream: its directory, its unique name, and the source track."""

    directory: str
    name: str
    track: Subtitles

    @property
    def text(self) -> str:
        """The WebVTT file."""
        return to_webvtt(self.track.cues, header=_MAP)


def write_stream_subtitles(stream: Path, subtitles: Sequence[Subtitles], timeline: Timeline) -> None:
    """Add the subtitles to a packaged stream whose playlists and MPD are otherwise final."""
    renditions = _renditions(subtitles)
    mpd, master = stream / _MPD, stream / _MASTER
    for each in renditions:
        directory = stream / each.directory
        directory.mkdir()
        (directory / _FILE).write_text(each.text, "utf-8")
        (directory / _PLAYLIST).write_text(_playlist(timeline), "utf-8")
        (directory / _INIT).write_bytes(init_segment(each.track.language))
        (directory / _SEGMENT).write_bytes(media_segment(each.track.cues))
    master.write_text(_with_media(master.read_text("utf-8"), renditions), "utf-8")
    text = mpd.read_text("utf-8")
    offset = next(each.offset for each in read_mpd(text, _MPD)[1] if each.kind == "video")
    mpd.write_text(_with_sets(text, renditions, timeline, offset), "utf-8")


def verify_stream_subtitles(stream: Path, subtitles: Sequence[Subtitles], timeline: Timeline) -> None:
    """Raise `ProofError` unless HLS and DASH have exactly these subtitles with all their cues."""
    renditions = _renditions(subtitles)
    master = read_master_playlist((stream / _MASTER).read_text("utf-8"), _MASTER)
    uris = [f"{each.directory}/{_PLAYLIST}" for each in renditions]
    require_stream(list(master.subtitles) == uris, _MASTER, "it references other subtitles")
    groups = {each.get("SUBTITLES") for each in master.variants.values()}
    require_stream(
        groups == ({GROUP} if renditions else {None}), _MASTER, "a variant does not reference the subtitles"
    )
    root = ET.fromstring((stream / _MPD).read_text("utf-8"))  # noqa: S314 - verified to be free of entities
    sets = [each for each in root.iter(f"{_NAMESPACE}AdaptationSet") if each.get("contentType") == "text"]
    templates = [each.find(f".//{_NAMESPACE}SegmentTemplate") for each in sets]
    inits = [None if each is None else each.get("initialization") for each in templates]
    require_stream(
        inits == [f"{each.directory}/{_INIT}" for each in renditions], _MPD, "it references other subtitles"
    )
    for each, adaptation in zip(renditions, sets, strict=True):
        attributes = master.subtitles[f"{each.directory}/{_PLAYLIST}"]
        language = language_tag(each.track.language)
        require_stream(
            attributes.get("LANGUAGE") == adaptation.get("lang") == language,
            each.directory,
            "HLS and DASH have different languages",
        )
        found = (stream / each.directory / _FILE).read_text("utf-8")
        require_stream(len(_CUE.findall(found)) == len(each.track.cues), each.directory, "cues are missing")
        require_stream(found == each.text, each.directory, "the cues differ from the source's")
        require_stream(
            _segment_cues(stream / each.directory) == each.track.cues, each.directory, "DASH has other cues"
        )
        lines = (stream / each.directory / _PLAYLIST).read_text("utf-8").splitlines()
        lengths = [Fraction(line[8:].rstrip(",")) for line in lines if line.startswith("#EXTINF:")]
        off = abs(sum(lengths) - (timeline.end_s - timeline.start_s))
        require_stream(
            len(lengths) == 1 and off <= timeline.last_s,
            each.directory,
            "the duration differs from the video's",
        )


def _segment_cues(directory: Path) -> tuple[Cue, ...]:
    """The cues of the fragmented MP4, its segments joined as by a player."""
    joined = JoinedFiles([directory / _INIT, directory / _SEGMENT])
    try:
        movie = read_movie(joined)
        return read_cues(joined, movie, movie.tracks[0])
    finally:
        joined.close()


def _renditions(subtitles: Sequence[Subtitles]) -> list[_Rendition]:
    """Numbered directories and distinct names, which HLS requires within a group."""
    found: list[_Rendition] = []
    for number, track in enumerate(subtitles, 1):
        label = track.title or (track.language if track.language != "und" else f"Subtitles {number}")
        name = _quotable(label) or f"Subtitles {number}"
        if name in {each.name for each in found}:
            name = f"{name} ({number})"
        found.append(_Rendition(directory=f"subtitles-{number}", name=name, track=track))
    return found


def _quotable(name: str) -> str:
    """A name that is valid in a quoted string of a playlist: without quotation marks and line breaks."""
    return "".join(char for char in name.replace('"', "'") if char.isprintable()).strip()


def _playlist(timeline: Timeline) -> str:
    length = timeline.end_s - timeline.start_s
    return (
        f"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{max(ceil(length), 1)}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:{float(length):.6f},\n{_FILE}\n#EXT-X-ENDLIST\n"
    )


def _with_media(text: str, renditions: Sequence[_Rendition]) -> str:
    """The master playlist with the subtitles, referenced by each of its variants."""
    rows = "".join(_media(each) for each in renditions)
    head, found, rest = text.partition("#EXT-X-STREAM-INF:")
    variants = with_attribute(found + rest, "#EXT-X-STREAM-INF", f'SUBTITLES="{GROUP}"')
    variants = _CODECS.sub(lambda codecs: f'{codecs[1]},{_FORMAT}"', variants)
    return head.rstrip("\n") + "\n\n" + rows + "\n" + variants


def _media(each: _Rendition) -> str:
    track = each.track
    flags = {
        "DEFAULT": track.default,
        "AUTOSELECT": True,  # required with DEFAULT=YES; players select by language
        "FORCED": track.forced,
    }
    values = ",".join(f"{name}={'YES' if value else 'NO'}" for name, value in flags.items())
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="{GROUP}",NAME="{each.name}",LANGUAGE="{language_tag(track.language)}",'
        f'{values},URI="{each.directory}/{_PLAYLIST}"\n'
    )


def _with_sets(text: str, renditions: Sequence[_Rendition], timeline: Timeline, offset: int) -> str:
    """The MPD with an adaptation set appended for each track; the period starts at tick `offset`."""
    start = rescale(offset, timeline.timescale, TICKS)
    length = max(ceil(timeline.end_s * TICKS), 1)
    sets = "".join(_adaptation_set(each, start, length) for each in renditions)
    return text.replace("  </Period>", f"{sets}  </Period>", 1)


def _adaptation_set(each: _Rendition, start: int, length: int) -> str:
    track = each.track
    size = len(media_segment(track.cues))
    rate = max(-(-8 * size * TICKS // length), 1)  # bits per second of its only segment
    role = "forced-subtitle" if track.forced else "subtitle"
    main = f'      <Role schemeIdUri="{_ROLE}" value="main"/>\n' if track.default else ""
    offset = f' presentationTimeOffset="{start}"' if start else ""
    language = language_tag(track.language)
    return (
        f'    <AdaptationSet contentType="text" lang="{language}" segmentAlignment="true">\n'
        f"      <Label>{escape(each.name, quote=False)}</Label>\n"
        f'{main}      <Role schemeIdUri="{_ROLE}" value="{role}"/>\n'
        f'      <Representation id="{each.directory}" bandwidth="{rate}" codecs="wvtt"'
        ' mimeType="application/mp4">\n'
        f'        <SegmentTemplate timescale="{TICKS}" initialization="{each.directory}/{_INIT}"'
        f' media="{each.directory}/$Number%05d$.m4s" startNumber="1"{offset}>\n'
        f'          <SegmentTimeline>\n            <S t="0" d="{length}"/>\n          </SegmentTimeline>\n'
        "        </SegmentTemplate>\n      </Representation>\n    </AdaptationSet>\n"
    )
