"""What a server does beside its requests: uploads, imports, deletions, webhooks, progress, old events.

All of it may run in several servers at once, and may be killed at any moment.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from eddyline.core.background_tasks import BackgroundTask, run_tasks
from eddyline.library import event_pruning
from eddyline.library.event_pruning import prune_events
from eddyline.library.imports import Importer
from eddyline.library.progress import watcher as progress_watcher
from eddyline.library.progress.watcher import ProgressWatcher
from eddyline.library.webhooks.deliveries import Deliveries, Delivery
from eddyline.library.webhooks.sender import WebhookSender
from eddyline.library.webhooks.webhooks import Webhook
from eddyline.store.public_http import PublicConnections, PublicHttp
from eddyline.web.deletion_service import deletion_tasks
from eddyline.web.services import Services
from eddyline.web.upload_services import open_uploads, upload_tasks

_LOG = logging.getLogger("eddyline.webhooks")


@contextmanager
def run_background_work(services: Services) -> Iterator[None]:
    """Run everything in threads inside the context; its end waits a moment only."""
    ledger = services.ledger
    watcher = ProgressWatcher(ledger, services.pools)
    importer = open_importer(services)
    deliveries = Deliveries(ledger)
    http = PublicHttp(connections=connections(services))
    with WebhookSender(ledger, http, on_result=_log_delivery) as sender:
        tasks = (
            *upload_tasks(services),
            *deletion_tasks(services),
            BackgroundTask(name="imports", step=importer.run_once),
            BackgroundTask(name="webhooks", step=lambda _: sender.step()),
            BackgroundTask(
                name="webhook pruning", step=lambda _: deliveries.prune(), every_s=event_pruning.EVERY_S
            ),
            BackgroundTask(
                name="event pruning", step=lambda _: prune_events(ledger), every_s=event_pruning.EVERY_S
            ),
            BackgroundTask(
                name="asset progress", step=lambda _: watcher.run_once(), every_s=progress_watcher.EVERY_S
            ),
        )
        with run_tasks(tasks):
            yield


def connections(services: Services) -> PublicConnections:
    """Connections to public addresses, and to the hosts that the operator allows."""
    return PublicConnections(exempt=services.shared.settings.outbound_hosts)


def open_importer(services: Services) -> Importer:
    """The importer of a server; only that of its background work downloads."""
    return Importer(uploads=open_uploads(services), connect=connections(services).open)


def _log_delivery(webhook: Webhook, delivery: Delivery, error: str) -> None:
    if error:
        _LOG.warning(
            "webhook delivery failed",
            extra={"webhook": webhook.id, "delivery": delivery.id, "error": error},
        )
