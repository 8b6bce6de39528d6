"""The account: tokens and share links."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from eddyline.web.auth.dependencies import Reader, is_local
from eddyline.web.auth.principal import Scope
from eddyline.web.pages.render import render
from eddyline.web.services import WithServices

router = APIRouter()


@router.get("/account")
def account(request: Request, services: WithServices, principal: Reader) -> Response:
    """The page of the account. Its script lists tokens and share links by the API."""
    scopes = [each.name.lower() for each in Scope if each <= principal.scope]
    return render(
        request,
        "account.html",
        principal,
        scopes=scopes if principal.scope >= Scope.WRITE else [],
        scope=principal.scope.name.lower(),
        unprotected=is_local(services),
    )
