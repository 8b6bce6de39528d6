from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.idempotency import (
    ABANDONED_S,
    KEEP_S,
    Answer,
    IdempotencyKeys,
    KeyInUseError,
    KeyReusedError,
)

ANSWER = Answer(status=202, headers={"Location": "/x"}, body={"asset": "1"})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def keys(tmp_path: Path, clock: ManualClock) -> Iterator[IdempotencyKeys]:
    with Ledger.open(tmp_path / "ledger.sqlite", clock=clock) as ledger:
        yield IdempotencyKeys(ledger)


def test_a_repeated_request_gets_the_first_answer(keys: IdempotencyKeys) -> None:
    assert keys.begin("k", "r") is None
    keys.finish("k", ANSWER)
    assert keys.begin("k", "r") == ANSWER
    assert keys.begin("other", "r") is None


def test_a_key_is_for_one_request(keys: IdempotencyKeys) -> None:
    keys.begin("k", "r")
    with pytest.raises(KeyReusedError):
        keys.begin("k", "another")
    keys.finish("k", ANSWER)
    with pytest.raises(KeyReusedError):
        keys.begin("k", "another")


def test_a_request_in_progress_is_not_repeated(keys: IdempotencyKeys, clock: ManualClock) -> None:
    keys.begin("k", "r")
    with pytest.raises(KeyInUseError):
        keys.begin("k", "r")
    clock.advance(ABANDONED_S + 1)  # its server was restarted
    assert keys.begin("k", "r") is None
    with pytest.raises(KeyInUseError):
        keys.begin("k", "r")


def test_a_request_that_failed_leaves_no_key(keys: IdempotencyKeys) -> None:
    keys.begin("k", "r")
    keys.abandon("k")
    assert keys.begin("k", "another") is None
    keys.finish("k", ANSWER)
    keys.abandon("k")  # too late: it was answered
    assert keys.begin("k", "another") == ANSWER


def test_keys_expire(keys: IdempotencyKeys, clock: ManualClock) -> None:
    keys.begin("k", "r")
    keys.finish("k", ANSWER)
    clock.advance(KEEP_S + 1)
    assert keys.begin("k", "another") is None
