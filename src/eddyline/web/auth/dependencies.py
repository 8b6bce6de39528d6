"""The dependencies by which routes require a principal. Every route has one of these, or is public."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Request

from eddyline.web.auth.principal import LOCAL, Principal, Scope
from eddyline.web.problems import Problem
from eddyline.web.services import WithServices


def authenticate(request: Request, services: WithServices) -> Principal:  # noqa: ARG001 - reads its headers
    """The principal of a request. Raises `Problem` 401."""
    if services.settings.local:
        return LOCAL
    raise Problem(HTTPStatus.UNAUTHORIZED, "a token is required", headers={"WWW-Authenticate": "Bearer"})


def _require(scope: Scope) -> Callable[[Principal], Principal]:
    def check(principal: Annotated[Principal, Depends(authenticate)]) -> Principal:
        if principal.scope < scope:
            raise Problem(HTTPStatus.FORBIDDEN, f"this requires a token with scope {scope.name.lower()}")
        return principal

    return check


Reader = Annotated[Principal, Depends(_require(Scope.READ))]
Writer = Annotated[Principal, Depends(_require(Scope.WRITE))]
Administrator = Annotated[Principal, Depends(_require(Scope.ADMIN))]
