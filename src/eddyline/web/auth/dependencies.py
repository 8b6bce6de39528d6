"""The dependencies by which routes require a principal. Every route has one of these, or is public."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from eddyline.library.tokens import Token, Tokens
from eddyline.web.auth.principal import LOCAL, Principal, Scope
from eddyline.web.problems import Problem
from eddyline.web.services import WithServices


def authenticate(request: Request, services: WithServices) -> Principal:
    """The principal of a request, by its header `Authorization`. Raises `Problem` 401."""
    tokens = Tokens(services.ledger)
    # A token that is created while the server runs ends its local mode.
    if services.settings.local and not tokens.exist():
        return LOCAL
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and (token := tokens.authenticate(secret.strip())):
        return principal_of(token)
    raise Problem(
        HTTPStatus.UNAUTHORIZED, "a valid token is required", headers={"WWW-Authenticate": "Bearer"}
    )


def principal_of(token: Token) -> Principal:
    """The principal that a valid token stands for."""
    return Principal(owner=token.owner, scope=Scope[token.scope.upper()], token=token.id)


def _require(scope: Scope) -> Callable[[Principal], Principal]:
    def check(principal: Annotated[Principal, Depends(authenticate)]) -> Principal:
        if principal.scope < scope:
            raise Problem(HTTPStatus.FORBIDDEN, f"this requires a token with scope {scope.name.lower()}")
        return principal

    return check


Reader = Annotated[Principal, Depends(_require(Scope.READ))]
Writer = Annotated[Principal, Depends(_require(Scope.WRITE))]
Administrator = Annotated[Principal, Depends(_require(Scope.ADMIN))]
