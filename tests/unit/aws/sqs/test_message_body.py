"""Long messages are compressed; decompression is bounded."""

from __future__ import annotations

import base64
import contextlib
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eddyline.aws.sqs.message_body import MAX_BYTES, TooLongError, decode_body, encode_body
from eddyline.graph.coordinator.wire import WireError

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_json)
def test_bodies_round_trip(value: object) -> None:
    assert decode_body(encode_body(value)) == value


def test_a_long_message_is_compressed_and_round_trips() -> None:
    value = [{"frames": [n, n + 48]} for n in range(20_000)]
    body = encode_body(value)
    assert body.startswith("z:")
    assert len(body) < MAX_BYTES
    assert decode_body(body) == value


def test_a_message_too_long_even_compressed_is_rejected_with_a_remedy() -> None:
    with pytest.raises(TooLongError, match="split"):
        encode_body(random.Random(1).randbytes(300_000).hex())


def test_a_decompression_bomb_is_rejected_without_decompressing_it() -> None:
    bomb = "z:" + base64.b64encode(zlib.compress(b" " * 64 * 1024 * 1024, 9)).decode()
    with pytest.raises(WireError, match="too long"):
        decode_body(bomb)


@pytest.mark.parametrize(
    "body", ["", "z:", "z:!!", "z:AAAA", "NaN", "[1e", "[" * 9999, "z:" + base64.b64encode(b"x").decode()]
)
def test_an_invalid_body_is_rejected(body: str) -> None:
    with pytest.raises(WireError):
        decode_body(body)


@given(st.text())
def test_any_text_is_decoded_or_rejected(body: str) -> None:
    for each in (body, "z:" + body):
        with contextlib.suppress(WireError):
            decode_body(each)
