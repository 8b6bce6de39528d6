"""Subtitles of a packaged stream: WebVTT renditions in HLS, text adaptation sets in DASH.

HLS has each track as one WebVTT file, which says by X-TIMESTAMP-MAP that cues count from the media's own zero
(RFC 8216 section 3.5); DASH has the same cues as a segment of fragmented MP4.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from xml.sax.saxutils import escape

from eddyline.core.errors import ProofError
from eddyline.core.timebase import rescale
from eddyline.media.languages import language_tag
from eddyline.media.streaming.playlists import read_master_playlist, read_mpd, with_attribute
from eddyline.media.streaming.stream_verification import Timeline
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
_CUE = re.compile(r"^\d{2,}:\d\d:\d\d\.\d{3} --> ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class _Rendition:
    """One track in the stream: its folder, its unique name, and whether players may show it by default."""

    folder: str
    name: str
    track: Subtitles

    @property
    def text(self) -> str:
        """The WebVTT file."""
        return to_webvtt(self.track.cues, header=_MAP)


def write_stream_subtitles(stream: Path, subtitles: Sequence[Subtitles], timeline: Timeline) -> None:
    """Add the subtitles to a packaged stream whose playlists and MPD are in their last form otherwise."""
    renditions = _renditions(subtitles)
    mpd, master = stream / _MPD, stream / _MASTER
    for each in renditions:
        folder = stream / each.folder
        folder.mkdir()
        (folder / _FILE).write_text(each.text, "utf-8")
        (folder / _PLAYLIST).write_text(_playlist(timeline), "utf-8")
        (folder / _INIT).write_bytes(init_segment(each.track.language))
        (folder / _SEGMENT).write_bytes(media_segment(each.track.cues))
    master.write_text(_with_media(master.read_text("utf-8"), renditions), "utf-8")
    text = mpd.read_text("utf-8")
    offset = next(each.offset for each in read_mpd(text, _MPD)[1] if each.kind == "video")
    mpd.write_text(_with_sets(text, renditions, timeline, offset), "utf-8")


def verify_stream_subtitles(stream: Path, subtitles: Sequence[Subtitles], timeline: Timeline) -> None:
    """Check by reading back that HLS and DASH name the same subtitles, with all their cues, or none.

    Raises `ProofError`.
    """
    renditions = _renditions(subtitles)
    master = read_master_playlist((stream / _MASTER).read_text("utf-8"), _MASTER)
    named = [f"{each.folder}/{_PLAYLIST}" for each in renditions]
    _require(list(master.subtitles) == named, _MASTER, "it names other subtitles")
    groups = {each.get("SUBTITLES") for each in master.variants.values()}
    _require(groups == ({GROUP} if renditions else {None}), _MASTER, "a variant lacks the subtitles")
    root = ET.fromstring((stream / _MPD).read_text("utf-8"))  # noqa: S314 - proven to be free of entities
    sets = [each for each in root.iter(f"{_NAMESPACE}AdaptationSet") if each.get("contentType") == "text"]
    templates = [each.find(f".//{_NAMESPACE}SegmentTemplate") for each in sets]
    inits = [None if each is None else each.get("initialization") for each in templates]
    _require(inits == [f"{each.folder}/{_INIT}" for each in renditions], _MPD, "it names other subtitles")
    for each, adaptation in zip(renditions, sets, strict=True):
        attributes = master.subtitles[f"{each.folder}/{_PLAYLIST}"]
        language = language_tag(each.track.language)
        _require(
            attributes.get("LANGUAGE") == adaptation.get("lang") == language, each.folder, "its language"
        )
        found = (stream / each.folder / _FILE).read_text("utf-8")
        _require(len(_CUE.findall(found)) == len(each.track.cues), each.folder, "it lacks cues")
        _require(found == each.text, each.folder, "its cues are not those of the source")
        _require(_segment_cues(stream / each.folder) == each.track.cues, each.folder, "DASH has other cues")
        lines = (stream / each.folder / _PLAYLIST).read_text("utf-8").splitlines()
        lengths = [Fraction(line[8:].rstrip(",")) for line in lines if line.startswith("#EXTINF:")]
        off = abs(sum(lengths) - (timeline.end_s - _began(timeline)))
        _require(len(lengths) == 1 and off <= timeline.last_s, each.folder, "its length is not the video's")


def _segment_cues(folder: Path) -> tuple[Cue, ...]:
    """The cues of the fragmented MP4, as a player would join its segments."""
    joined = JoinedFiles([folder / _INIT, folder / _SEGMENT])
    try:
        movie = read_movie(joined)
        return read_cues(joined, movie, movie.tracks[0])
    finally:
        joined.close()


def _renditions(subtitles: Sequence[Subtitles]) -> list[_Rendition]:
    """Folders by number, and names that differ, as HLS demands within a group."""
    found: list[_Rendition] = []
    for number, track in enumerate(subtitles, 1):
        label = track.title or (track.language if track.language != "und" else f"Subtitles {number}")
        name = _quotable(label) or f"Subtitles {number}"
        if name in {each.name for each in found}:
            name = f"{name} ({number})"
        found.append(_Rendition(folder=f"subtitles-{number}", name=name, track=track))
    return found


def _quotable(name: str) -> str:
    """A name that can stand in a quoted string of a playlist: without quotation marks and line breaks."""
    return "".join(char for char in name.replace('"', "'") if char.isprintable()).strip()


def _began(timeline: Timeline) -> Fraction:
    return Fraction(int(timeline.pts[0]), timeline.timescale)


def _playlist(timeline: Timeline) -> str:
    length = timeline.end_s - _began(timeline)
    return (
        f"#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:{max(ceil(length), 1)}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:{float(length):.6f},\n{_FILE}\n#EXT-X-ENDLIST\n"
    )


def _with_media(text: str, renditions: Sequence[_Rendition]) -> str:
    """The master playlist with the subtitles, each variant of it referring to them."""
    rows = "".join(_media(each) for each in renditions)
    head, found, rest = text.partition("#EXT-X-STREAM-INF:")
    variants = with_attribute(found + rest, "#EXT-X-STREAM-INF", f'SUBTITLES="{GROUP}"')
    return head.rstrip("\n") + "\n\n" + rows + "\n" + variants


def _media(each: _Rendition) -> str:
    track = each.track
    flags = {
        "DEFAULT": track.default,
        "AUTOSELECT": True,  # HLS asks for it where DEFAULT is YES, and players choose by language
        "FORCED": track.forced,
    }
    told = ",".join(f"{name}={'YES' if value else 'NO'}" for name, value in flags.items())
    return (
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="{GROUP}",NAME="{each.name}",LANGUAGE="{language_tag(track.language)}",'
        f'{told},URI="{each.folder}/{_PLAYLIST}"\n'
    )


def _with_sets(text: str, renditions: Sequence[_Rendition], timeline: Timeline, offset: int) -> str:
    """The MPD with an adaptation set for each track behind the others; the period begins at tick `offset`."""
    began = rescale(offset, timeline.timescale, TICKS)
    length = max(ceil(timeline.end_s * TICKS), 1)
    sets = "".join(_set(each, began, length) for each in renditions)
    return text.replace("  </Period>", f"{sets}  </Period>", 1)


def _set(each: _Rendition, began: int, length: int) -> str:
    track = each.track
    size = len(each.text.encode())
    last = max((cue.end for cue in track.cues), default=0)
    rate = max(size * 8000 // max(last, 1000), 1)  # bits a second
    role = "forced-subtitle" if track.forced else "subtitle"
    main = f'      <Role schemeIdUri="{_ROLE}" value="main"/>\n' if track.default else ""
    offset = f' presentationTimeOffset="{began}"' if began else ""
    language = language_tag(track.language)
    return (
        f'    <AdaptationSet contentType="text" lang="{language}" segmentAlignment="true">\n'
        f'{main}      <Role schemeIdUri="{_ROLE}" value="{role}"/>\n'
        f"      <Label>{escape(each.name)}</Label>\n"
        f'      <Representation id="{each.folder}" bandwidth="{rate}" codecs="wvtt"'
        ' mimeType="application/mp4">\n'
        f'        <SegmentTemplate timescale="{TICKS}" initialization="{each.folder}/{_INIT}"'
        f' media="{each.folder}/$Number%05d$.m4s" startNumber="1"{offset}>\n'
        f'          <SegmentTimeline>\n            <S t="0" d="{length}"/>\n          </SegmentTimeline>\n'
        "        </SegmentTemplate>\n      </Representation>\n    </AdaptationSet>\n"
    )


def _require(holds: bool, name: str, otherwise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise ProofError(f"the packaged stream is not exact: {name}: {otherwise}")
