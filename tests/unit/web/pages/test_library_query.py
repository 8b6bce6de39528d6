from __future__ import annotations

import pytest

from eddyline.graph.ledger.catalogue.asset import AssetState, Order
from eddyline.web.auth.principal import LOCAL, Principal, Scope
from eddyline.web.pages.library_query import LibraryQuery


def test_an_address_and_its_query_are_equal() -> None:
    query = LibraryQuery.parse({"q": " ridge  ", "state": "failed", "camera": "HERO9", "sort": "created"})
    assert query == LibraryQuery(text="ridge", state="failed", camera="HERO9", order=Order.CREATED_ASC)
    assert query.is_filtered
    assert query.url() == "/?q=ridge&state=failed&camera=HERO9&sort=created"
    assert LibraryQuery().url("/library/cards", after="x=") == "/library/cards?after=x%3D"


@pytest.mark.parametrize("values", [{"state": "lost"}, {"sort": "size"}, {"q": "\0"}, {"state": "READY"}, {}])
def test_invalid_values_of_an_address_count_as_absent(values: dict[str, str]) -> None:
    assert LibraryQuery.parse(values) == LibraryQuery()
    assert LibraryQuery.parse(values).url() == "/"


def test_the_filters_are_limited_to_what_the_principal_sees() -> None:
    query = LibraryQuery(state="ready", text="a b", camera="MAX2")
    anna = query.filters(Principal(owner="anna", scope=Scope.READ))
    assert (anna.owner, anna.states, anna.text, anna.camera) == ("anna", (AssetState.READY,), "a b", "MAX2")
    assert query.filters(LOCAL).owner is None
