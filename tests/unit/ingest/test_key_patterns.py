"""Patterns match as documented, in bounded time for hostile keys."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.ingest.key_patterns import KeyPattern


@pytest.mark.parametrize(
    ("pattern", "key", "found"),
    [
        ("incoming/*", "incoming/a.mp4", ("a.mp4",)),
        ("incoming/*", "incoming/day/a.mp4", None),
        ("incoming/**", "incoming/day/a.mp4", ("day/a.mp4",)),
        ("users/*/raw/**.mp4", "users/ann/raw/x/y.mp4", ("ann", "x/y")),
        ("users/*/raw/**.mp4", "users/ann/bob/raw/y.mp4", None),
        ("**", "anything/at all", ("anything/at all",)),
        ("*", "", ("",)),
        ("GX0?*.MP4", "GX010042.MP4", ("0042",)),
        ("a?b", "a/b", None),
        ("*-*", "a-b-c", ("a", "b-c")),
        ("[a].mp4", "[a].mp4", ()),
        ("[a].mp4", "a.mp4", None),
        ("A.mp4", "a.mp4", None),
    ],
)
def test_a_match_returns_the_texts_of_the_stars(
    pattern: str, key: str, found: tuple[str, ...] | None
) -> None:
    assert KeyPattern(pattern).match(key) == found


@pytest.mark.parametrize("text", ["", "a***b", "x" * 1025])
def test_an_invalid_pattern_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|\*"):
        KeyPattern(text)


@given(
    st.text("ab/*?", min_size=1, max_size=8).filter(lambda text: "***" not in text),
    st.text("ab/", max_size=10),
)
def test_a_pattern_matches_like_a_regular_expression(pattern: str, key: str) -> None:
    regexes = {"**": "(.*?)", "*": "([^/]*?)", "?": "[^/]"}
    regex = "".join(regexes.get(part, part) for part in re.findall(r"\*\*|[*?]|[^*?]+", pattern))
    expected = re.fullmatch(regex, key)
    assert KeyPattern(pattern).match(key) == (expected.groups() if expected else None)


def test_a_hostile_key_is_matched_in_bounded_time() -> None:
    began = time.monotonic()
    assert KeyPattern("**a" * 100 + "b").match("a" * 1024) is None
    assert time.monotonic() - began < 10.0
