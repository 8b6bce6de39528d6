"""Any text is a valid cue: the written files have the same number of cues with the same texts."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from eddyline.core.errors import InputError
from eddyline.media.chapters.nero_chapters import read_nero_list, remove_nero_lists
from eddyline.media.chapters.source_chapters import text_sample_title
from eddyline.media.subtitles.cues import (
    Cue,
    flatten_cues,
    parse_srt,
    plain_text,
    sort_cues,
    srt_cue,
    to_webvtt,
)
from eddyline.media.subtitles.webvtt_fragments import init_segment, media_segment
from eddyline.media.subtitles.webvtt_samples import read_cues
from eddyline.mp4.index import read_movie
from eddyline.mp4.write.memory_samples import MemorySamples
from eddyline.page.subtitles import subtitle_tracks

_TAGS = ("<b>", "</b>", "<i>", "</i>", "<u>", "</U>", "<font color=x>", "</font>", "<script>")
_TRAPS = ("&", "&lt;", "-->", "1\n00:00:00,000 --> 00:00:01,000\n", "{\\an8}", "{\\", "}", "\0", "\u2028")
_SPACES = ("\n", "\r\n", "\n\n", "a", " ")
_PIECES = st.sampled_from([*_TAGS, *_TRAPS, *_SPACES])
_ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_TEXTS = st.lists(_PIECES | _ANY, max_size=12).map("".join)
_CUES = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000), _TEXTS), max_size=6)


def make_cues(rows: list[tuple[int, int, str]]) -> tuple[Cue, ...]:
    return sort_cues(srt_cue(start, end, text) for start, end, text in rows)


@settings(max_examples=300, deadline=None)
@given(rows=_CUES)
def test_files_written_from_any_cues_contain_these_cues(rows: list[tuple[int, int, str]]) -> None:
    cues = make_cues(rows)
    text = to_webvtt(cues)
    assert len(re.findall(r"(?m)^\d\d:\d\d:\d\d\.\d{3} --> ", text)) == text.count("-->") == len(cues)
    assert "\0" not in text
    for each in cues:
        assert not re.search(r"<(?!/?[biu]>)", each.text)
        assert "\n\n" not in each.text
    for _, _, shown in flatten_cues(cues):
        plain_text(shown)
    data = init_segment("eng") + media_segment(cues)
    src = MemorySamples(data)
    movie = read_movie(src)
    found = read_cues(src, movie, movie.tracks[0])
    assert sorted((each.start, each.end, each.text) for each in found) == sorted(
        (each.start, each.end, each.text) for each in cues
    )


@settings(max_examples=300, deadline=None)
@given(text=st.lists(_PIECES | _ANY, max_size=40).map("".join))
def test_any_text_is_parsed_or_rejected(text: str) -> None:
    try:
        cues = parse_srt(text)
    except InputError:
        return
    assert list(cues) == sorted(cues, key=lambda each: (each.start, each.end))


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=200), head=st.sampled_from([b"", b"\0\0\0\x40chpl\1\0\0\0\0\0\0\0\5"]))
def test_any_user_data_is_parsed_without_raising(data: bytes, head: bytes) -> None:
    for time, title in read_nero_list(head + data):
        assert time >= 0
        assert title.isprintable()
    assert len(remove_nero_lists(head + data) or b"") <= len(head + data)
    assert text_sample_title(data).isprintable()


def test_the_page_parses_the_written_files(tmp_path: Path) -> None:
    cues = make_cues([(0, 1000, "a\n<b>b</b>"), (500, 700, "")])
    (tmp_path / "1.vtt").write_text(to_webvtt(cues))
    ((_, _, _, found),) = subtitle_tracks(tmp_path, [{"path": "1.vtt", "language": "eng"}])
    assert found == [[0.0, 1.0, "a\n<b>b</b>", False], [0.5, 0.7, "", False]]
