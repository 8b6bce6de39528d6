"""A store that was there is waited for; one that never was is not."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.servers.ministack import Ministack, ministack
from tests.servers.network import AWAY, FINE, Proxy, Weather, proxy

from eddyline.core.errors import Interrupted, MissingError, TransientError
from eddyline.core.stop import Stop
from eddyline.store.objects import ObjectStore
from eddyline.store.open_store import open_store
from eddyline.store.retry import RetrySettings, StoreUnavailableError

__all__ = ["ministack"]


class Flaky:
    """Answers "yes" but for the calls of which it is said what they raise."""

    def __init__(self, *raised: Exception | None) -> None:
        self.raised = list(raised)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        error = self.raised.pop(0) if self.raised else None
        if error is not None:
            raise error
        return "yes"


def away() -> StoreUnavailableError:
    return StoreUnavailableError("away")


def test_what_was_there_is_asked_again() -> None:
    patience, call = RetrySettings(seconds=30.0), Flaky(None, away(), away())
    assert [patience.ask(call), patience.ask(call)] == ["yes", "yes"]
    assert call.calls == 4


def test_what_never_was_there_is_told_at_once() -> None:
    patience, call = RetrySettings(seconds=600.0), Flaky(away())
    with pytest.raises(StoreUnavailableError):
        patience.ask(call)
    assert call.calls == 1


def test_what_stays_away_is_told_after_a_while() -> None:
    patience, call = RetrySettings(seconds=0.5), Flaky(None, *(away(),) * 1000)
    patience.ask(call)
    with pytest.raises(StoreUnavailableError):
        patience.ask(call)
    assert call.calls > 2


def test_an_answer_that_says_no_is_an_answer_and_is_not_asked_for_again() -> None:
    patience, call = (
        RetrySettings(seconds=30.0),
        Flaky(MissingError("gone"), away(), TransientError("expired")),
    )
    with pytest.raises(MissingError):
        patience.ask(call)
    with pytest.raises(TransientError, match="expired"):
        patience.ask(call)
    assert call.calls == 3


def test_a_stop_ends_the_waiting() -> None:
    stop = Stop()
    patience, call = RetrySettings(seconds=600.0, stop=stop), Flaky(None, *(away(),) * 10_000)
    patience.ask(call)
    threading.Timer(0.3, stop.request, args=("drained",)).start()
    with pytest.raises(Interrupted, match="drained"):
        patience.ask(call)


@pytest.fixture
def way(ministack: Ministack) -> Iterator[Proxy]:
    with proxy(f"127.0.0.1:{ministack.port}", random.Random(5)) as made:
        yield made


def _opened(way: Proxy, ministack: Ministack, *, patience_s: float) -> ObjectStore:
    settings = replace(ministack.settings, endpoint=way.url, patience_s=patience_s, retries=0)
    store = open_store(f"s3://{ministack.bucket()}", settings)
    assert isinstance(store, ObjectStore)
    return store


CALLS: dict[str, Callable[[ObjectStore], object]] = {
    "put_bytes": lambda store: store.put_bytes("k", b"1" * 100),
    "get": lambda store: store.get("k"),
    "size": lambda store: store.size("k"),
    "facts": lambda store: store.facts("k"),
    "list": lambda store: list(store.list("folder")),
    "copy": lambda store: store.copy("k", "k2"),
    "ranges": lambda store: store.ranges("k").read(10, 50),
    "delete": lambda store: store.delete("other"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=list(CALLS))
@pytest.mark.parametrize(
    "weather", [AWAY, Weather(cut=1.0), Weather(refuse=1.0)], ids=["away", "cut", "busy"]
)
def test_every_call_outlasts_an_outage(
    way: Proxy, ministack: Ministack, weather: Weather, call: Callable[[ObjectStore], object]
) -> None:
    store = _opened(way, ministack, patience_s=60.0)
    store.put_bytes("k", b"0" * 100)
    before = sum(way.done.values())
    way.weather = weather
    clearing = threading.Thread(target=_clear, args=(way, before))
    clearing.start()
    call(store)
    clearing.join()


def _clear(way: Proxy, before: int) -> None:
    """Fine weather again, once something came to harm twice: obstore itself asks only once here."""
    until = time.monotonic() + 30.0
    while sum(way.done.values()) - before < 2 and time.monotonic() < until:
        time.sleep(0.01)
    way.weather = FINE
