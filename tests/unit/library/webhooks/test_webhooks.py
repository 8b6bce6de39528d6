from __future__ import annotations

import pytest
from tests.unit.library.webhooks.receiver import add_event

from eddyline.core.clock import ManualClock
from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.webhooks.deliveries import HOLD_S, KEEP_S, RETRIES_S, Deliveries
from eddyline.library.webhooks.webhooks import MAX_WEBHOOKS, Webhooks

URL = "https://example.com/hook"


def test_a_webhook_gets_the_later_events_of_its_owner_and_kinds(ledger: Ledger) -> None:
    add_event(ledger, owner="ann")
    webhook = Webhooks(ledger).create("ann", URL, ["asset.ready"])
    assert Deliveries(ledger).add_new() == 0
    add_event(ledger, owner="ann")
    add_event(ledger, owner="bob")
    add_event(ledger, "asset.failed", owner="ann")
    assert Deliveries(ledger).add_new() == 1
    assert Deliveries(ledger).add_new() == 0
    (delivery,) = Deliveries(ledger).take(10)
    assert (delivery.webhook, delivery.kind) == (webhook.id, "asset.ready")


def test_a_webhook_of_all_owners_gets_the_events_of_all(ledger: Ledger) -> None:
    Webhooks(ledger).create("", URL, all_owners=True)
    for owner in ("ann", "bob", ""):
        add_event(ledger, owner=owner)
    assert Deliveries(ledger).add_new() == 3


def test_without_kinds_it_gets_all_events_but_progress(ledger: Ledger) -> None:
    Webhooks(ledger).create("", URL)
    for kind in ("asset.progress", "asset.ready", "asset.failed", "asset.deleted"):
        add_event(ledger, kind)
    assert Deliveries(ledger).add_new() == 3


def test_more_events_than_one_transaction_takes_are_all_delivered(ledger: Ledger) -> None:
    Webhooks(ledger).create("", URL)
    for _ in range(505):
        add_event(ledger)
    assert [Deliveries(ledger).add_new() for _ in range(3)] == [500, 5, 0]


def test_a_disabled_webhook_gets_its_events_once_it_is_enabled(ledger: Ledger) -> None:
    webhook = Webhooks(ledger).create("", URL)
    Webhooks(ledger).disable(webhook.id, "test")
    add_event(ledger)
    assert (Deliveries(ledger).add_new(), Deliveries(ledger).take(1)) == (0, [])
    Webhooks(ledger).enable(webhook.id)
    assert Deliveries(ledger).add_new() == 1


def test_a_taken_delivery_is_due_again_if_its_server_is_killed(ledger: Ledger, clock: ManualClock) -> None:
    Webhooks(ledger).create("", URL)
    add_event(ledger)
    Deliveries(ledger).add_new()
    first = Deliveries(ledger).take(1)
    assert Deliveries(ledger).take(1) == []
    clock.advance(HOLD_S + 1)
    assert [each.id for each in Deliveries(ledger).take(1)] == [each.id for each in first]


def test_failed_deliveries_are_sent_again_after_the_recommended_times_and_then_given_up(
    ledger: Ledger, clock: ManualClock
) -> None:
    webhook = Webhooks(ledger).create("", URL)
    add_event(ledger)
    Deliveries(ledger).add_new()
    for wait in RETRIES_S:
        (delivery,) = Deliveries(ledger).take(1)
        assert Deliveries(ledger).fail(delivery, "refused", 503)
        clock.advance(wait - 1)
        assert Deliveries(ledger).take(1) == []
        clock.advance(2)
    (delivery,) = Deliveries(ledger).take(1)
    assert not Deliveries(ledger).fail(delivery, "refused", 503)
    clock.advance(1e7)
    assert Deliveries(ledger).take(1) == []
    ((last,), _) = Deliveries(ledger).of_webhook(webhook.id, limit=5)
    assert (last.attempts, last.due, last.delivered, last.status) == (len(RETRIES_S) + 1, None, None, 503)


def test_deliveries_are_replayed_one_by_one_or_those_that_failed(ledger: Ledger) -> None:
    webhook = Webhooks(ledger).create("", URL)
    deliveries = Deliveries(ledger)
    for _ in range(3):
        add_event(ledger)
    deliveries.add_new()
    first, second, third = deliveries.take(3)
    deliveries.succeed(first, 200)
    deliveries.succeed(second, 200)
    deliveries.fail(third, "refused")
    assert deliveries.replay(webhook.id) == 1
    assert [each.id for each in deliveries.take(3)] == [third.id]
    assert deliveries.replay(webhook.id, delivery=first.id) == 1
    assert [each.id for each in deliveries.take(3)] == [first.id]
    assert deliveries.replay("wh_other", delivery=first.id) == 0


def test_pages_give_every_delivery_once(ledger: Ledger, clock: ManualClock) -> None:
    webhook = Webhooks(ledger).create("", URL)
    for _ in range(7):
        add_event(ledger)
        Deliveries(ledger).add_new()
        clock.advance(0.25)
    add_event(ledger)
    add_event(ledger)
    Deliveries(ledger).add_new()
    found, cursor = Deliveries(ledger).of_webhook(webhook.id, limit=4)
    while cursor:
        page, cursor = Deliveries(ledger).of_webhook(webhook.id, limit=4, after=cursor)
        found += page
    assert len({each.id for each in found}) == len(found) == 9
    assert [each.created for each in found] == sorted((each.created for each in found), reverse=True)
    with pytest.raises(UsageError, match="cursor"):
        Deliveries(ledger).of_webhook(webhook.id, limit=4, after="x")


def test_old_deliveries_are_deleted_unless_they_are_due(ledger: Ledger, clock: ManualClock) -> None:
    Webhooks(ledger).create("", URL)
    add_event(ledger)
    add_event(ledger)
    Deliveries(ledger).add_new()
    done, _ = Deliveries(ledger).take(2)
    Deliveries(ledger).succeed(done, 204)
    assert Deliveries(ledger).prune() == 0
    clock.advance(KEEP_S + 1)
    assert Deliveries(ledger).prune() == 1


def test_webhooks_are_listed_changed_and_deleted_with_their_deliveries(ledger: Ledger) -> None:
    webhooks = Webhooks(ledger)
    webhook = webhooks.create("ann", URL, ["asset.ready", "asset.failed", "asset.ready"])
    other = webhooks.create("bob", URL)
    assert webhook.kinds == ("asset.failed", "asset.ready")
    assert [each.id for each in webhooks.list("ann")] == [webhook.id]
    assert {each.id for each in webhooks.list(None)} == {webhook.id, other.id}
    webhooks.change(webhook.id, url="https://example.org/", kinds=["asset.deleted"])
    changed = webhooks.get(webhook.id)
    assert changed is not None
    assert (changed.url, changed.kinds, changed.secret) == (
        "https://example.org/",
        ("asset.deleted",),
        webhook.secret,
    )
    add_event(ledger, "asset.deleted", owner="ann")
    Deliveries(ledger).add_new()
    webhooks.delete(webhook.id)
    assert webhooks.get(webhook.id) is None
    assert Deliveries(ledger).of_webhook(webhook.id, limit=5) == ([], "")


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://example.com/", "https://user@example.com/", "https://e/" + "x" * 2000]
)
def test_an_invalid_url_is_refused(ledger: Ledger, url: str) -> None:
    with pytest.raises(UsageError):
        Webhooks(ledger).create("", url)


def test_an_unknown_kind_and_too_many_webhooks_are_refused(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="unknown kind"):
        Webhooks(ledger).create("", URL, ["asset.sold"])
    for _ in range(MAX_WEBHOOKS):
        Webhooks(ledger).create("ann", URL)
    with pytest.raises(UsageError, match="already"):
        Webhooks(ledger).create("ann", URL)
    Webhooks(ledger).create("bob", URL)
