from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from tests.unit.library.webhooks.receiver import Receiver, add_event, receiver

from eddyline.core.clock import ManualClock
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.webhooks.deliveries import RETRIES_S, Deliveries
from eddyline.library.webhooks.sender import WebhookSender
from eddyline.library.webhooks.webhooks import Webhook, Webhooks
from eddyline.store.public_http import PublicConnections, PublicHttp


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", clock=clock) as opened:
        yield opened


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


def sender_to(ledger: Ledger, server: Receiver) -> WebhookSender:
    return WebhookSender(ledger, PublicHttp(connections=PublicConnections(exempt=frozenset({server.host}))))


def state(ledger: Ledger, webhook: Webhook) -> tuple[int, int | None, bool]:
    ((delivery,), _) = Deliveries(ledger).of_webhook(webhook.id, limit=2)
    return delivery.attempts, delivery.status, delivery.delivered is not None


def test_a_delivery_is_signed_by_standard_webhooks(tmp_path: Path, server: Receiver) -> None:
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:  # the receiver compares the time with its clock
        webhook = Webhooks(ledger).create("ann", server.url)
        add_event(ledger, owner="ann")
        with sender_to(ledger, server) as sender:
            assert sender.step() == 1
        ((headers, body),) = server.received
        found = Verifier(webhook.secret).verify(body, headers)
        assert found["type"] == "asset.ready"
        assert found["data"] == {"asset": "00ff00ff00ff00ff", "name": "a.mp4", "owner": "ann"}
        assert found["timestamp"].endswith("Z")
        assert headers["content-type"] == "application/json"
        assert state(ledger, webhook) == (1, 200, True)
        with pytest.raises(Exception, match="No matching signature"):
            Verifier(webhook.secret).verify(body + b" ", headers)


@pytest.mark.parametrize("status", [302, 400, 404, 500, 503])
def test_a_refused_delivery_is_sent_again_with_the_same_id(
    ledger: Ledger, server: Receiver, clock: ManualClock, status: int
) -> None:
    webhook = Webhooks(ledger).create("", server.url)
    add_event(ledger)
    server.statuses = [status]
    with sender_to(ledger, server) as sender:
        assert sender.step() == 1
        assert state(ledger, webhook) == (1, status, False)
        assert sender.step() == 0
        clock.advance(RETRIES_S[0] + 1)
        assert sender.step() == 1
    assert state(ledger, webhook) == (2, 200, True)
    assert len({headers["webhook-id"] for headers, _ in server.received}) == 1


def test_a_receiver_that_is_gone_disables_its_webhook(ledger: Ledger, server: Receiver) -> None:
    webhook = Webhooks(ledger).create("", server.url)
    add_event(ledger)
    server.statuses = [410]
    with sender_to(ledger, server) as sender:
        sender.step()
    found = Webhooks(ledger).get(webhook.id)
    assert found is not None
    assert found.disabled == "its receiver answered 410 Gone"


def test_a_webhook_whose_delivery_is_given_up_is_disabled_with_the_reason(
    ledger: Ledger, server: Receiver, clock: ManualClock
) -> None:
    webhook = Webhooks(ledger).create("", server.url)
    add_event(ledger)
    server.statuses = [500] * 20
    with sender_to(ledger, server) as sender:
        for wait in (0.0, *RETRIES_S):
            clock.advance(wait + 1)
            sender.step()
    found = Webhooks(ledger).get(webhook.id)
    assert found is not None
    assert found.disabled is not None
    assert "failed 10 times" in found.disabled


def test_a_private_address_is_never_contacted(ledger: Ledger, server: Receiver) -> None:
    webhook = Webhooks(ledger).create("", server.url)
    add_event(ledger)
    with WebhookSender(ledger, PublicHttp()) as sender:
        sender.step()
    assert server.received == []
    ((delivery,), _) = Deliveries(ledger).of_webhook(webhook.id, limit=2)
    assert delivery.error == "127.0.0.1 does not have a public address"


def test_one_failing_receiver_does_not_stop_another(ledger: Ledger, server: Receiver) -> None:
    Webhooks(ledger).create("", "http://127.0.0.1:9/closed")
    Webhooks(ledger).create("", server.url)
    add_event(ledger)
    with sender_to(ledger, server) as sender:
        sender.step()
    assert len(server.received) == 1
