"""Notifications wake the workers of other processes; without them, workers poll."""

from __future__ import annotations

import threading
import time

import pytest
from tests.unit.graph.ledger_helpers import claim_jobs, interrupted, new, settle
from tests.unit.graph.postgres_server import Server

from eddyline.graph.ledger.ledger import Ledger


@pytest.mark.parametrize("ledger_url", ["postgresql"], indirect=True)
def test_ready_and_cancelled_jobs_of_another_process_are_notified_at_once(ledger_url: str) -> None:
    notified = threading.Event()
    with Ledger.open(ledger_url) as listener, Ledger.open(ledger_url) as sender:
        listener.subscribe(notified.set)
        time.sleep(0.3)
        sender.submit([new("a-1")])
        assert notified.wait(1)
        claim = claim_jobs(sender)[0]
        for change in (lambda: settle(sender, claim, interrupted()), lambda: sender.cancel(job="a-1")):
            time.sleep(0.1)
            notified.clear()
            change()
            assert notified.wait(1)


def test_notifications_resume_after_a_restart_of_the_server(server: Server) -> None:
    notified = threading.Event()
    with Ledger.open(server.url) as listener, Ledger.open(server.url) as sender:
        listener.subscribe(notified.set)
        server.stop()
        server.start()
        time.sleep(2)
        sender.submit([new("a-1")])
        assert notified.wait(1)


def test_closing_ends_the_listening_thread(ledger_url: str) -> None:
    with Ledger.open(ledger_url) as ledger:
        ledger.subscribe(lambda: None)
    assert not any(thread.name == "ledger-notify" for thread in threading.enumerate())
