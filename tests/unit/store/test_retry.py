"""Requests are retried against a store that has answered before, and only then."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.servers.ministack import Ministack
from tests.servers.network import NO_FAULTS, UNAVAILABLE, FaultRates, Proxy, proxy

from eddyline.core.errors import Interrupted, MissingError, TransientError
from eddyline.core.stop import Stop
from eddyline.store.objects import ObjectStore
from eddyline.store.open_store import open_store
from eddyline.store.retry import Retrier, StoreUnavailableError


class Flaky:
    """Returns "yes", after raising the given errors, one per call (None: no error)."""

    def __init__(self, *raised: Exception | None) -> None:
        self.raised = list(raised)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        error = self.raised.pop(0) if self.raised else None
        if error is not None:
            raise error
        return "yes"


def unavailable() -> StoreUnavailableError:
    return StoreUnavailableError("unavailable")


def test_a_request_is_retried_after_the_store_has_answered() -> None:
    retrier, call = Retrier(max_s=30.0), Flaky(None, unavailable(), unavailable())
    assert [retrier.call(call), retrier.call(call)] == ["yes", "yes"]
    assert call.calls == 4


def test_a_store_that_has_never_answered_is_not_retried() -> None:
    retrier, call = Retrier(max_s=600.0), Flaky(unavailable())
    with pytest.raises(StoreUnavailableError):
        retrier.call(call)
    assert call.calls == 1


def test_an_error_is_raised_when_the_outage_outlasts_the_retries() -> None:
    retrier, call = Retrier(max_s=0.5), Flaky(None, *(unavailable(),) * 1000)
    retrier.call(call)
    with pytest.raises(StoreUnavailableError):
        retrier.call(call)
    assert call.calls > 2


def test_an_error_response_counts_as_an_answer_and_is_not_retried() -> None:
    retrier = Retrier(max_s=30.0)
    call = Flaky(MissingError("gone"), unavailable(), TransientError("expired"))
    with pytest.raises(MissingError):
        retrier.call(call)
    with pytest.raises(TransientError, match="expired"):
        retrier.call(call)
    assert call.calls == 3


def test_a_stop_ends_the_retries() -> None:
    stop = Stop()
    retrier, call = Retrier(max_s=600.0, stop=stop), Flaky(None, *(unavailable(),) * 10_000)
    retrier.call(call)
    threading.Timer(0.3, stop.request, args=("drained",)).start()
    with pytest.raises(Interrupted, match="drained"):
        retrier.call(call)


@pytest.fixture
def store_proxy(ministack: Ministack) -> Iterator[Proxy]:
    with proxy(f"127.0.0.1:{ministack.port}", random.Random(5)) as running:
        yield running


def _opened(store_proxy: Proxy, ministack: Ministack, *, outage_retry_s: float) -> ObjectStore:
    settings = replace(ministack.settings, endpoint=store_proxy.url, outage_retry_s=outage_retry_s, retries=0)
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
    "fault_rates",
    [UNAVAILABLE, FaultRates(cut=1.0), FaultRates(refuse=1.0)],
    ids=["unavailable", "cut", "busy"],
)
def test_every_idempotent_request_outlasts_an_outage(
    store_proxy: Proxy, ministack: Ministack, fault_rates: FaultRates, call: Callable[[ObjectStore], object]
) -> None:
    store = _opened(store_proxy, ministack, outage_retry_s=60.0)
    store.put_bytes("k", b"0" * 100)
    requests_before = sum(store_proxy.done.values())
    store_proxy.fault_rates = fault_rates
    ending = threading.Thread(target=_end_outage, args=(store_proxy, requests_before))
    ending.start()
    call(store)
    ending.join()


def _end_outage(store_proxy: Proxy, requests_before: int) -> None:
    """End the outage after two failed requests; obstore itself does not retry in this test."""
    deadline = time.monotonic() + 30.0
    while sum(store_proxy.done.values()) - requests_before < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    store_proxy.fault_rates = NO_FAULTS
