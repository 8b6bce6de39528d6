"""The Spot dashboard: a frame whose scripts read the reports of the API."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from eddyline.web.auth.dependencies import Administrator
from eddyline.web.pages.render import render

router = APIRouter()


@router.get("/fleet")
def fleet_page(request: Request, principal: Administrator) -> HTMLResponse:
    """The page; its state (range, filters) is in the query, which only its scripts read."""
    return render(request, "fleet.html", principal)
