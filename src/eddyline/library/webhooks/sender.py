"""Sends the deliveries of webhooks: signed, to public addresses only, a few at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from standardwebhooks.webhooks import Webhook as Signer

from eddyline.core.closeable import Closeable
from eddyline.core.errors import EddylineError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.webhooks.deliveries import Deliveries, Delivery
from eddyline.library.webhooks.webhooks import Webhook, Webhooks
from eddyline.store.public_http import PublicHttp

_AT_ONCE = 8
_GONE = 410


class WebhookSender(Closeable):
    """Sends what is due by `step`, until `close`. Several servers may do so at once.

    `on_result(webhook, delivery, error)` is called after each attempt ("": it was accepted).
    """

    def __init__(
        self,
        ledger: Ledger,
        http: PublicHttp,
        *,
        on_result: Callable[[Webhook, Delivery, str], None] = lambda _webhook, _delivery, _error: None,
    ) -> None:
        self._webhooks = Webhooks(ledger)
        self._deliveries = Deliveries(ledger)
        self._ledger = ledger
        self._http = http
        self._on_result = on_result
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="webhooks")

    def close(self) -> None:
        """End; deliveries that are being sent are sent again by another server, or after the restart."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def step(self) -> int:
        """Add the deliveries of new events and send those that are due; returns how many were sent."""
        self._deliveries.add_new()
        taken = self._deliveries.take(_AT_ONCE)
        list(self._pool.map(self._send, taken))
        return len(taken)

    def _send(self, delivery: Delivery) -> None:
        webhook = self._webhooks.get(delivery.webhook)
        if webhook is None:
            return
        try:
            response = self._http.request(
                "POST", webhook.url, body=delivery.body.encode(), headers=self._headers(webhook, delivery)
            )
        except EddylineError as error:
            self._failed(webhook, delivery, error.message, None)
            return
        status = response.status
        if status // 100 == 2:  # noqa: PLR2004 - 2xx
            self._deliveries.succeed(delivery, status)
            self._on_result(webhook, delivery, "")
            return
        if status == _GONE:
            self._webhooks.disable(webhook.id, "its receiver answered 410 Gone")
        self._failed(webhook, delivery, f"the receiver answered with status {status}", status)

    def _failed(self, webhook: Webhook, delivery: Delivery, error: str, status: int | None) -> None:
        if not self._deliveries.fail(delivery, error, status):
            self._webhooks.disable(webhook.id, f"a delivery failed {delivery.attempts + 1} times: {error}")
        self._on_result(webhook, delivery, error)

    def _headers(self, webhook: Webhook, delivery: Delivery) -> dict[str, str]:
        sent = datetime.fromtimestamp(int(self._ledger.now()), UTC)
        return {
            "Content-Type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(sent.timestamp())),
            "webhook-signature": Signer(webhook.secret).sign(delivery.id, sent, delivery.body),
        }
