"""Streams contain the chapters of the source, in formats that players read."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from eddyline.core.errors import ProofError
from eddyline.media.pictures.highlights import Chapter
from eddyline.media.streaming.playlists import read_master_playlist, read_mpd
from eddyline.media.streaming.stream_chapters import (
    verify_stream_chapters,
    with_session_data,
    write_stream_chapters,
)
from eddyline.media.streaming.timeline import Timeline

_MPD = """<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT3S">
  <Period id="0">
    <AdaptationSet id="0" contentType="video">
      <Representation id="0">
        <SegmentTemplate timescale="30" initialization="init.mp4" media="$Number%05d$" startNumber="1"OFFSET>
          <SegmentTimeline>
            <S t="BEGIN" d="90"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""
_MASTER = """#EXTM3U

#EXT-X-INDEPENDENT-SEGMENTS

#EXT-X-STREAM-INF:BANDWIDTH=1
a/main.m3u8
"""
CHAPTERS = (
    Chapter(frame=0, title="Start"),
    Chapter(frame=10, title="A <b> & c"),
    Chapter(frame=50, title="Z"),
)


def _stream(folder: Path, begin: int = 0, offset: str = "") -> tuple[Path, Timeline]:
    (folder / "manifest.mpd").write_text(_MPD.replace("BEGIN", str(begin)).replace("OFFSET", offset))
    (folder / "master.m3u8").write_text(_MASTER)
    return folder, Timeline(pts=np.arange(90, dtype=np.int64) + begin, end=90 + begin, timescale=30)


def test_hls_references_json_chapters_that_never_start_before_their_frame(tmp_path: Path) -> None:
    stream, timeline = _stream(tmp_path)
    write_stream_chapters(stream, CHAPTERS, timeline)
    master = (stream / "master.m3u8").read_text()
    assert master.startswith(
        '#EXTM3U\n\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-SESSION-DATA:DATA-ID="com.apple.hls.chapters",URI="chapters.json"\n'
    )
    assert list(read_master_playlist(master, "master.m3u8").variants) == ["a/main.m3u8"]
    entries = json.loads((stream / "chapters.json").read_text())
    assert [(each["chapter"], each["start-time"], each["duration"]) for each in entries] == [
        (1, 0.0, 0.333334),
        (2, 0.333334, 1.333333),
        (3, 1.666667, 1.333333),
    ]
    assert entries[1]["titles"] == [{"language": "en", "title": "A <b> & c"}]


def test_dash_has_an_event_for_each_chapter_on_the_video_timeline(tmp_path: Path) -> None:
    stream, timeline = _stream(tmp_path)
    write_stream_chapters(stream, CHAPTERS, timeline)
    text = (stream / "manifest.mpd").read_text()
    (found,) = ET.fromstring(text).iter("{urn:mpeg:dash:schema:mpd:2011}EventStream")  # noqa: S314 - our own
    assert found.attrib == {"schemeIdUri": "urn:eddyline:chapters:1", "timescale": "30"}
    assert [(each.text, each.get("presentationTime"), each.get("duration")) for each in found] == [
        ("Start", "0", "10"),
        ("A <b> & c", "10", "40"),
        ("Z", "50", "40"),
    ]
    assert read_mpd(text, "manifest.mpd") == read_mpd(
        _stream(tmp_path)[0].joinpath("manifest.mpd").read_text(), ""
    )


def test_webvtt_has_a_cue_for_each_chapter(tmp_path: Path) -> None:
    stream, timeline = _stream(tmp_path)
    write_stream_chapters(stream, CHAPTERS, timeline)
    assert (stream / "chapters.vtt").read_text() == (
        "WEBVTT\n\n1\n00:00:00.000 --> 00:00:00.334\nStart\n\n"
        "2\n00:00:00.334 --> 00:00:01.667\nA &lt;b&gt; &amp; c\n\n3\n00:00:01.667 --> 00:00:03.000\nZ\n"
    )


def test_a_stream_that_starts_late_counts_from_its_first_segment(tmp_path: Path) -> None:
    stream, timeline = _stream(tmp_path, begin=300, offset=' presentationTimeOffset="300"')
    write_stream_chapters(stream, CHAPTERS, timeline)
    verify_stream_chapters(stream, CHAPTERS, timeline)
    entries = json.loads((stream / "chapters.json").read_text())
    assert entries[2]["start-time"] == 1.666667
    assert 'timescale="30" presentationTimeOffset="300">' in (stream / "manifest.mpd").read_text()


def test_the_master_playlist_references_the_chapters_once() -> None:
    once = with_session_data(_MASTER)
    assert with_session_data(once) == once
    assert (
        with_session_data("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n")
        .splitlines()[1]
        .startswith("#EXT-X-SESSION-DATA")
    )


def test_a_stream_with_wrong_chapters_is_rejected(tmp_path: Path) -> None:
    stream, timeline = _stream(tmp_path)
    verify_stream_chapters(stream, (), timeline)
    with pytest.raises(ProofError, match=r"manifest\.mpd"):
        verify_stream_chapters(stream, CHAPTERS, timeline)
    write_stream_chapters(stream, CHAPTERS, timeline)
    verify_stream_chapters(stream, CHAPTERS, timeline)
    with pytest.raises(ProofError, match=r"manifest\.mpd"):
        verify_stream_chapters(stream, (), timeline)
    (stream / "master.m3u8").write_text(_MASTER)
    with pytest.raises(ProofError, match=r"master\.m3u8"):
        verify_stream_chapters(stream, CHAPTERS, timeline)
    write_stream_chapters(*_stream(tmp_path)[:1], CHAPTERS, timeline)
    file = stream / "chapters.json"
    file.write_text(file.read_text().replace("1.666667", "1.6"))
    with pytest.raises(ProofError, match=r"chapters\.json"):
        verify_stream_chapters(stream, CHAPTERS, timeline)
