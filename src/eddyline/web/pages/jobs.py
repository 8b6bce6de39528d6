"""The jobs of one asset, and all failed jobs."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from eddyline.web.auth.dependencies import Reader
from eddyline.web.auth.principal import Scope
from eddyline.web.pages.render import render
from eddyline.web.services import WithServices
from eddyline.web.visible_assets import find_asset

router = APIRouter()


@router.get("/jobs", response_class=HTMLResponse)
def overview(request: Request, services: WithServices, principal: Reader) -> HTMLResponse:
    """The failed jobs and the assets that are being processed."""
    sequence = services.ledger.events.latest()
    return render(
        request, "jobs.html", principal, sequence=sequence, may_write=principal.scope >= Scope.WRITE
    )


@router.get("/assets/{asset}/jobs", response_class=HTMLResponse)
def of_asset(request: Request, services: WithServices, principal: Reader, asset: str) -> HTMLResponse:
    """The jobs of one asset: failures, stages, chunks, timeline and a table."""
    sequence = services.ledger.events.latest()
    found = find_asset(services, principal, asset)
    return render(
        request,
        "jobs_asset.html",
        principal,
        asset=found,
        sequence=sequence,
        may_write=principal.scope >= Scope.WRITE,
    )
