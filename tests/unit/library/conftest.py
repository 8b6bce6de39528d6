"""Ledgers on both databases, as for the tests of the ledger itself."""

from __future__ import annotations

from tests.unit.graph.conftest import clock, ledger, ledger_url, open_ledger, postgres

__all__ = ["clock", "ledger", "ledger_url", "open_ledger", "postgres"]
