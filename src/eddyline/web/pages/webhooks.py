"""The page of webhooks and their deliveries; its script calls the API."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from eddyline.library.webhooks.webhooks import KINDS
from eddyline.web.auth.dependencies import Writer
from eddyline.web.auth.principal import Scope
from eddyline.web.pages.render import render

router = APIRouter()


@router.get("/webhooks")
def page(request: Request, principal: Writer) -> HTMLResponse:
    """The webhooks that the principal manages."""
    return render(
        request, "webhooks.html", principal, kinds=KINDS, administrator=principal.scope is Scope.ADMIN
    )
