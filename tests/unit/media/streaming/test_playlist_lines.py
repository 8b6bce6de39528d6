"""Lines and attribute lists of playlists."""

from __future__ import annotations

import pytest

from eddyline.core.errors import FormatError
from eddyline.media.streaming.playlist_lines import (
    MAX_LINES,
    Line,
    attribute_pairs,
    attributes,
    is_attribute_list,
    split_lines,
)


def test_lines_are_tags_comments_or_uris_with_their_numbers() -> None:
    text = "#EXTM3U\r\n\n# a comment\n#EXTINF:4.0,title: x\nseg.m4s\n"
    assert list(split_lines(text, "x")) == [
        Line(1, "#EXTM3U", ""),
        Line(3, "#", "# a comment"),
        Line(4, "#EXTINF", "4.0,title: x"),
        Line(5, "", "seg.m4s"),
    ]


def test_attribute_values_may_contain_commas_and_equal_signs_in_quotes() -> None:
    value = 'BANDWIDTH=1,CODECS="a,b",URI="x?y=1,Z=2"'
    assert attributes(value) == {"BANDWIDTH": "1", "CODECS": "a,b", "URI": "x?y=1,Z=2"}
    assert attribute_pairs(value)[1] == ("CODECS", '"a,b"')
    assert is_attribute_list(value)


@pytest.mark.parametrize("value", ["", "A=1,,B=2", "a=1", "A=1 B", 'A="x', "A", "A=1,", "A="])
def test_other_values_are_not_attribute_lists(value: str) -> None:
    assert not is_attribute_list(value)


def test_the_number_of_lines_is_limited() -> None:
    with pytest.raises(FormatError, match="lines"):
        list(split_lines("\n" * (MAX_LINES + 1), "x"))
