"""Webhooks and their deliveries."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, StrictBool

from eddyline.library.webhooks.deliveries import Deliveries, Delivery
from eddyline.library.webhooks.webhooks import KINDS, Webhook, Webhooks
from eddyline.web.auth.dependencies import Writer
from eddyline.web.auth.principal import Principal, Scope
from eddyline.web.problems import Problem, not_found
from eddyline.web.services import Services, WithServices

router = APIRouter(tags=["webhooks"])

_MAX_KINDS = len(KINDS)


class NewWebhook(BaseModel):
    """A webhook to add. Without `kinds`, it receives all kinds of events but asset.progress."""

    url: str = Field(max_length=2000, examples=["https://example.com/eddyline"])
    kinds: list[str] = Field(default=[], max_length=_MAX_KINDS, examples=[["asset.ready", "asset.failed"]])
    all_owners: StrictBool = Field(
        default=False, description="Events of all owners; requires the scope admin."
    )


class WebhookChange(BaseModel):
    """What to change; absent members stay as they are."""

    url: str | None = Field(default=None, max_length=2000)
    kinds: list[str] | None = Field(default=None, max_length=_MAX_KINDS)
    enabled: StrictBool | None = None


class WebhookView(BaseModel):
    """A webhook. `secret` is only in the answer to its creation."""

    id: str
    owner: str
    all_owners: bool
    url: str
    kinds: list[str]
    created: datetime
    disabled: str | None = Field(description="Why it is disabled; null: it is enabled.")
    secret: str | None = None


class DeliveryView(BaseModel):
    """One event for one webhook. `due` is when it is sent next; null: it was delivered or given up."""

    id: str
    kind: str
    created: datetime
    attempts: int
    due: datetime | None
    delivered: datetime | None
    status: int | None
    error: str | None


class WebhookList(BaseModel):
    """All webhooks that the principal manages."""

    webhooks: list[WebhookView]


class DeliveryPage(BaseModel):
    """Deliveries, newest first; `next` is the cursor of the next page ("": this is the last one)."""

    deliveries: list[DeliveryView]
    next: str


class Replay(BaseModel):
    """What to send again: one delivery, or all that failed since a time."""

    delivery: str | None = Field(default=None, max_length=100)
    since: datetime | None = None


class Replayed(BaseModel):
    """How many deliveries are sent again."""

    count: int


@router.get("/webhooks", summary="List the webhooks")
def list_webhooks(services: WithServices, principal: Writer) -> WebhookList:
    """The webhooks of the owner; for administrators, those of all owners."""
    return WebhookList(webhooks=[_view(each) for each in Webhooks(services.ledger).list(principal.sees)])


@router.post("/webhooks", status_code=HTTPStatus.CREATED, summary="Add a webhook")
def create(body: NewWebhook, services: WithServices, principal: Writer) -> WebhookView:
    """Add a webhook. The secret that signs its deliveries is in this answer only."""
    if body.all_owners and principal.scope < Scope.ADMIN:
        raise Problem(HTTPStatus.FORBIDDEN, "events of all owners require a token with scope admin")
    webhook = Webhooks(services.ledger).create(
        principal.owner, body.url, body.kinds, all_owners=body.all_owners
    )
    return _view(webhook).model_copy(update={"secret": webhook.secret})


@router.get("/webhooks/{webhook}", summary="Get a webhook")
def get(webhook: str, services: WithServices, principal: Writer) -> WebhookView:
    """One webhook, without its secret."""
    return _view(_find(services, principal, webhook))


@router.patch("/webhooks/{webhook}", summary="Change a webhook")
def change(webhook: str, body: WebhookChange, services: WithServices, principal: Writer) -> WebhookView:
    """Change its URL or kinds, disable it, or enable it again."""
    found = _find(services, principal, webhook)
    store = Webhooks(services.ledger)
    store.change(found.id, url=body.url, kinds=body.kinds)
    if body.enabled is True:
        store.enable(found.id)
    elif body.enabled is False:
        store.disable(found.id, "disabled by its owner")
    return _view(_find(services, principal, webhook))


@router.delete("/webhooks/{webhook}", status_code=HTTPStatus.NO_CONTENT, summary="Delete a webhook")
def delete(webhook: str, services: WithServices, principal: Writer) -> Response:
    """Delete a webhook and its deliveries."""
    Webhooks(services.ledger).delete(_find(services, principal, webhook).id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/webhooks/{webhook}/deliveries", summary="List the deliveries of a webhook")
def list_deliveries(
    webhook: str,
    services: WithServices,
    principal: Writer,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> DeliveryPage:
    """Its deliveries of the last 30 days, newest first."""
    found = _find(services, principal, webhook)
    page, following = Deliveries(services.ledger).of_webhook(found.id, limit=limit, after=cursor)
    return DeliveryPage(deliveries=[_delivery_view(each) for each in page], next=following)


@router.post("/webhooks/{webhook}/replay", summary="Send deliveries again")
def replay(webhook: str, body: Replay, services: WithServices, principal: Writer) -> Replayed:
    """Send again at once: one delivery, or all that failed (since a time)."""
    found = _find(services, principal, webhook)
    since = None if body.since is None else body.since.timestamp()
    count = Deliveries(services.ledger).replay(found.id, delivery=body.delivery, since=since)
    if body.delivery is not None and not count:
        raise not_found()
    return Replayed(count=count)


def _find(services: Services, principal: Principal, name: str) -> Webhook:
    found = Webhooks(services.ledger).get(name)
    if found is None or not principal.may_see(found.owner):
        raise not_found()
    return found


def _view(webhook: Webhook) -> WebhookView:
    return WebhookView(
        id=webhook.id,
        owner=webhook.owner,
        all_owners=webhook.all_owners,
        url=webhook.url,
        kinds=list(webhook.kinds),
        created=datetime.fromtimestamp(webhook.created, UTC),
        disabled=webhook.disabled,
    )


def _delivery_view(delivery: Delivery) -> DeliveryView:
    def moment(at: float | None) -> datetime | None:
        return None if at is None else datetime.fromtimestamp(at, UTC)

    return DeliveryView(
        id=delivery.id,
        kind=delivery.kind,
        created=datetime.fromtimestamp(delivery.created, UTC),
        attempts=delivery.attempts,
        due=moment(delivery.due),
        delivered=moment(delivery.delivered),
        status=delivery.status,
        error=delivery.error,
    )
