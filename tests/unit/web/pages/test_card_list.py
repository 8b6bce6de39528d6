from __future__ import annotations

from pathlib import Path

from tests.unit.web.catalogue_rows import add_asset
from tests.unit.web.web_app import open_services

from eddyline.graph.ledger.catalogue.asset import AssetFilters
from eddyline.web.pages.card_list import cards_of


def test_cards_are_in_order_and_processing_ones_state_a_reason(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    add_asset(services, "a" * 16, created=1.0)
    add_asset(services, "b" * 16, created=2.0, state="processing", progress=0.4)
    assets = services.ledger.catalogue.page(AssetFilters(), limit=10).assets
    processing, ready = cards_of(services, assets)
    assert (processing.asset, processing.percent) == ("b" * 16, 40)
    assert processing.message
    assert (ready.asset, ready.message) == ("a" * 16, "")
    services.ledger.close()
