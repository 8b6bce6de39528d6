from __future__ import annotations

import pytest

from eddyline.core.errors import InputError
from eddyline.media.subtitles.cues import (
    MAX_CUE_LENGTH,
    MAX_CUES,
    Cue,
    flatten_cues,
    parse_srt,
    plain_text,
    srt_cue,
    styled_spans,
    to_webvtt,
)

SRT = """1
00:00:00,500 --> 00:00:01,700
<i>Hello</i> & <script>alert(1)</script>

2
00:00:01,200 --> 100:00:02,333
{\\an8}<b>a <u>b</b> c <font color="#ff0000">red</font>

1
00:00:09,000 --> 00:00:10,000
second paragraph -->

3
00:00:03,001 --> 00:00:03,001


"""


def test_srt_is_parsed_with_exact_times_and_sanitized_text() -> None:
    one, two, three = parse_srt(SRT)
    assert one == Cue(start=500, end=1700, text="<i>Hello</i> &amp; &lt;script&gt;alert(1)&lt;/script&gt;")
    assert (two.start, two.end, two.top) == (1200, 360_002_333, True)
    assert two.text.startswith("<b>a <u>b</u></b><u> c red")
    # Text that resembles the header of a cue belongs to the previous cue.
    assert "00:00:09,000 --&gt; 00:00:10,000" in two.text
    assert "\n\n" not in two.text
    assert three == Cue(start=3001, end=3002, text="")


def test_the_text_of_a_cue_cannot_break_webvtt() -> None:
    hostile = srt_cue(0, 10, "a\n\n2\n00:00:00.000 --> 00:00:09.000\n<c.x>&amp;\x00\u2028NOTE\n")
    webvtt = to_webvtt([hostile], header="X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n")
    assert webvtt == (
        "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n1\n00:00:00.000 --> 00:00:00.010\n"
        "a\n2\n00:00:00.000 --&gt; 00:00:09.000\n&lt;c.x&gt;&amp;amp;NOTE\n"
    )
    assert webvtt.count("-->") == 1


def test_plain_text_and_markup_are_returned() -> None:
    text = srt_cue(0, 1, "x <b>bold <i>both</i></b> <&>").text
    assert plain_text(text) == "x bold both <&>"
    assert styled_spans(text) == [
        ("x ", frozenset()),
        ("bold ", frozenset("b")),
        ("both", frozenset("bi")),
        (" <&>", frozenset()),
    ]


def test_overlapping_cues_are_flattened() -> None:
    cues = [Cue(start=0, end=10, text="a"), Cue(start=5, end=8, text="b"), Cue(start=20, end=30, text="c")]
    assert flatten_cues(cues) == [(0, 5, "a"), (5, 8, "a\nb"), (8, 10, "a"), (20, 30, "c")]
    assert flatten_cues([]) == []
    many = [Cue(start=n, end=10_000 - n, text=str(n)) for n in range(1000)]
    assert max(text.count("\n") for _, _, text in flatten_cues(many)) == 5


def test_too_many_or_too_long_cues_are_rejected() -> None:
    many = "".join(f"{n}\n00:00:00,000 --> 00:00:01,000\nx\n\n" for n in range(1, MAX_CUES + 2))
    with pytest.raises(InputError, match="more than"):
        parse_srt(many)
    with pytest.raises(InputError, match="characters"):
        srt_cue(0, 1, "x" * (MAX_CUE_LENGTH + 1))
