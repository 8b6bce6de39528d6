"""What a server does beside its requests: uploads, imports, deletions, webhooks, progress, old events.

All of it may run in several servers at once, and may be killed at any moment.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from eddyline.core.stop import Stop
from eddyline.library.event_pruning import EventPruner
from eddyline.library.imports import Importer
from eddyline.library.progress_watcher import ProgressWatcher
from eddyline.library.webhooks.deliveries import Delivery
from eddyline.library.webhooks.sender import WebhookSender
from eddyline.library.webhooks.webhooks import Webhook
from eddyline.store.public_http import PublicConnections, PublicHttp
from eddyline.web.deletion_service import finish_deletions
from eddyline.web.services import Services
from eddyline.web.upload_services import finish_uploads, open_uploads

_LOG = logging.getLogger("eddyline.webhooks")
_JOIN_S = 0.3


@contextmanager
def run_background_work(services: Services) -> Iterator[None]:
    """Run everything in threads inside the context; its end waits a moment only."""
    with ExitStack() as stack:
        stack.enter_context(finish_uploads(services))
        stack.enter_context(finish_deletions(services))
        stack.enter_context(_import_files(services))
        sender = stack.enter_context(
            WebhookSender(
                services.ledger, PublicHttp(connections=connections(services)), on_result=_log_delivery
            )
        )
        sender.start()
        watcher = ProgressWatcher(services.ledger, services.shared.pools())
        watcher.start()
        stack.callback(watcher.close)
        pruner = EventPruner(services.ledger)
        pruner.start()
        stack.callback(pruner.close)
        yield


def connections(services: Services) -> PublicConnections:
    """Connections to public addresses, and to the hosts that the operator allows."""
    return PublicConnections(exempt=services.shared.settings.outbound_hosts)


def open_importer(services: Services) -> Importer:
    """The importer of a server; only that of its background work downloads."""
    return Importer(uploads=open_uploads(services), connect=connections(services).open)


@contextmanager
def _import_files(services: Services) -> Iterator[None]:
    stop = Stop()
    thread = threading.Thread(target=open_importer(services).run, args=(stop,), name="imports", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.request("the server is stopping")
        thread.join(_JOIN_S)


def _log_delivery(webhook: Webhook, delivery: Delivery, error: str) -> None:
    if error:
        _LOG.warning(
            "webhook delivery failed",
            extra={"webhook": webhook.id, "delivery": delivery.id, "error": error},
        )
