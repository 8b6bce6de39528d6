"""The cards of assets with the progress of those that are being processed."""

from __future__ import annotations

from collections.abc import Sequence

from eddyline.graph.ledger.catalogue.asset import Asset, AssetState
from eddyline.web.pages.asset_cards import Card, card_of
from eddyline.web.services import Services


def cards_of(services: Services, assets: Sequence[Asset]) -> list[Card]:
    """One card for each asset, in order."""
    processed = [each.asset for each in assets if each.state is AssetState.PROCESSING]
    found = services.progress.read(processed)
    return [
        card_of(each, fraction=progress.fraction, reason=progress.reason, eta_s=progress.eta_s)
        if (progress := found.get(each.asset))
        else card_of(each)
        for each in assets
    ]
