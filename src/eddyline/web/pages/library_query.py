"""The state of the library page, as its address: search, filters and order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from eddyline.graph.ledger.catalogue.asset import AssetFilters, AssetState, Order
from eddyline.web.auth.principal import Principal

_MAX_TEXT = 200
_STATES = frozenset(state.value for state in AssetState)
_ORDERS = frozenset(order.value for order in Order)


@dataclass(frozen=True, kw_only=True)
class LibraryQuery:
    """What the page lists. `state` and `camera` empty: all."""

    text: str = ""
    state: str = ""
    camera: str = ""
    order: Order = Order.CREATED_DESC

    @classmethod
    def parse(cls, values: Mapping[str, str]) -> LibraryQuery:
        """The query of an address; values that are invalid count as absent, since people edit addresses."""
        state, order = values.get("state", ""), values.get("sort", "")
        return cls(
            text=values.get("q", "").replace("\0", "")[:_MAX_TEXT].strip(),
            state=state if state in _STATES else "",
            camera=values.get("camera", "").replace("\0", "")[:_MAX_TEXT],
            order=Order(order) if order in _ORDERS else Order.CREATED_DESC,
        )

    def filters(self, principal: Principal) -> AssetFilters:
        """The filters of the catalogue, for what a principal sees."""
        return AssetFilters(
            owner=principal.sees,
            states=(AssetState(self.state),) if self.state else (),
            text=self.text,
            camera=self.camera,
        )

    @property
    def is_filtered(self) -> bool:
        """Whether the page leaves assets out."""
        return bool(self.text or self.state or self.camera)

    def with_state(self, state: str) -> LibraryQuery:
        """The same query for another state."""
        return replace(self, state=state)

    def url(self, path: str = "/", **more: str) -> str:
        """An address with this query, without values that equal the defaults."""
        order = "" if self.order is Order.CREATED_DESC else self.order.value
        values = {"q": self.text, "state": self.state, "camera": self.camera, "sort": order, **more}
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{path}?{query}" if query else path
