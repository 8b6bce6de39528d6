"""HLS playlists and MPDs are read and corrected exactly."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from eddyline.core.errors import ProofError
from eddyline.media.streaming.playlists import (
    read_mpd,
    with_exact_durations,
    with_presentation_duration,
    with_presentation_offsets,
    with_timeline,
    without_signature,
)


def test_durations_add_up_to_the_end() -> None:
    text = "#EXTM3U\n" + "#EXTINF:0.333,\nx.m4s\n" * 900
    updated = with_exact_durations(text, [Fraction(1, 3)] * 900)
    values = [Fraction(line[8:-1]) for line in updated.splitlines() if line.startswith("#EXTINF:")]
    assert abs(sum(values, Fraction(-300))) < Fraction(1, 1_000_000)
    assert all(abs(value - Fraction(1, 3)) < Fraction(1, 900_000) for value in values)


MPD = """<?xml version="1.0" encoding="UTF-8"?>
<!--Generated with https://example.org/packager version 1-->
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1H1M2.5S">
  <Period id="0">
    <AdaptationSet id="0" contentType="video">
      <Representation id="0">
        <SegmentTemplate timescale="10" initialization="a.b/init.mp4" media="a.b/$Number%05d$.m4s"
            startNumber="1">
          <SegmentTimeline>
            <S t="5" d="40" r="1"/>
            <S t="86" d="7"/>
          </SegmentTimeline>
        </SegmentTemplate>
      </Representation>
    </AdaptationSet>
  </Period>
</MPD>
"""


def test_a_timeline_round_trips_with_its_repeats() -> None:
    length, (before,) = read_mpd(MPD, "x")
    assert length == Fraction(36_625, 10)
    assert (before.starts, before.ends) == ((5, 45, 86), (45, 85, 93))
    assert before.media == ("a.b/00001.m4s", "a.b/00002.m4s", "a.b/00003.m4s")
    text = with_timeline(
        with_presentation_duration(MPD, Fraction(93, 10)), "a.b/init.mp4", [5, 45, 85, 90], 93
    )
    length, (after,) = read_mpd(text, "x")
    assert length == after.end_s == Fraction(93, 10)
    assert (after.starts, after.ends) == ((5, 45, 85, 90), (45, 85, 90, 93))
    assert '<S t="5" d="40" r="1"/>' in text


def test_only_the_packagers_signature_is_removed() -> None:
    assert without_signature(MPD) == "".join(
        line for line in MPD.splitlines(keepends=True) if "Generated" not in line
    )
    playlist = "#EXTM3U\n## Generated with https://example.org version 1\n#EXT-X-ENDLIST\n"
    assert without_signature(playlist) == "#EXTM3U\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<MPD", '<!DOCTYPE x [<!ENTITY a "b">]><MPD'),
        ('d="7"', 'd="0"'),
        ('r="1"', 'r="999999999"'),
        ('r="1"', 'r="-1"'),
        ("PT1H1M2.5S", "P1Y"),
        ('timescale="10"', 'timescale="x"'),
        ("</MPD>", ""),
    ],
)
def test_an_invalid_mpd_is_rejected(before: str, after: str) -> None:
    assert before in MPD
    with pytest.raises(ProofError):
        read_mpd(MPD.replace(before, after), "x")


def _mpd(*templates: str) -> str:
    representations = "".join(f"<Representation>{each}</Representation>" for each in templates)
    adaptation_set = f'<AdaptationSet contentType="video">{representations}</AdaptationSet>'
    head = '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT9S">'
    return f"{head}<Period>{adaptation_set}</Period></MPD>"


def _template(start: int, offset: str = "") -> str:
    return (
        f'<SegmentTemplate timescale="1000" {offset}initialization="a/init.mp4" media="a/$Number$.m4s"'
        f' startNumber="1"><SegmentTimeline><S t="{start}" d="4000"/></SegmentTimeline></SegmentTemplate>'
    )


@pytest.mark.parametrize(("starts", "offset"), [((200, 40), 40), ((200, 0), 0)])
def test_the_period_starts_with_the_earliest_representation(starts: tuple[int, int], offset: int) -> None:
    stale = _template(starts[0], 'presentationTimeOffset="200" ')
    text = with_presentation_offsets(_mpd(stale, _template(starts[1])))
    found = re.findall(r'presentationTimeOffset="(\d+)"', text)
    assert found == ([str(offset)] * 2 if offset else [])
    assert {each.offset for each in read_mpd(text, "MPD")[1]} == {offset}
