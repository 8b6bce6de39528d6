"""Renders the templates of the pages: everything is escaped, and scripts and styles are files (CSP)."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eddyline.web.auth.principal import Principal
from eddyline.web.pages.script_modules import script

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent.parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals["script"] = script


def render(request: Request, template: str, principal: Principal | None, **values: object) -> HTMLResponse:
    """The page of a template. Templates receive `principal` (None: a page for strangers) and `path`."""
    html = _ENVIRONMENT.get_template(template).render(
        principal=principal, path=request.url.path, local=request.app.state.services.settings.local, **values
    )
    return HTMLResponse(html)
