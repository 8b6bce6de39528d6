"""The table of GPMF keys."""

from __future__ import annotations

import pytest
from tests.unit.gpmf.conftest import PayloadBuilder

from eddyline import gpmf
from eddyline.gpmf.export.column_names import column_names
from eddyline.gpmf.format.klv import is_key
from eddyline.gpmf.keys import MODIFIERS, SETTINGS, STREAMS


@pytest.mark.parametrize("key", [*STREAMS, *MODIFIERS, *sorted(SETTINGS)])
def test_every_key_is_valid(key: str) -> None:
    assert len(key) == 4
    assert is_key(key.encode())


@pytest.mark.parametrize("key", STREAMS)
def test_the_elements_of_a_stream_have_distinct_names(key: str) -> None:
    elements = STREAMS[key].elements
    assert len(set(elements)) == len(elements)
    assert STREAMS[key].meaning


def test_an_element_without_a_name_is_numbered(payload: PayloadBuilder) -> None:
    data = payload([gpmf.stream("WRGB", "f", [[1.0, 2.0, 3.0, 4.0]]), gpmf.stream("ABCD", "s", [[1, 2]])])
    streams = gpmf.read_payloads(data).streams
    assert column_names(streams["WRGB"]) == ("red", "green", "blue", "v3")
    assert column_names(streams["ABCD"]) == ("v0", "v1")
