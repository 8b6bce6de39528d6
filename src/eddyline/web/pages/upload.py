"""The page that consists of the upload panel."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from eddyline.web.auth.dependencies import Writer
from eddyline.web.pages.render import render

router = APIRouter()


@router.get("/upload")
def upload_page(request: Request, principal: Writer) -> HTMLResponse:
    """The page that adds recordings to the library."""
    return render(request, "upload.html", principal)
