"""API tokens: administrators manage those of all owners, others those of their own."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from eddyline.core.errors import UsageError
from eddyline.library.tokens import MAX_NAME, Token, Tokens
from eddyline.web import problems
from eddyline.web.auth.dependencies import Reader, Writer, is_local
from eddyline.web.auth.principal import Principal, Scope
from eddyline.web.problems import Problem
from eddyline.web.services import Services, WithServices

router = APIRouter(tags=["tokens"])

_EXAMPLE: dict[str, JsonValue] = {
    "id": "9f2c1a7be004",
    "owner": "ann",
    "name": "laptop",
    "scope": "write",
    "created": "2026-11-30T09:00:00Z",
    "expires": "2027-02-28T09:00:00Z",
    "revoked": None,
    "last_used": "2026-11-30T09:05:00Z",
    "valid": True,
}
_SECRET = "edl_vR3yQ0mJ5n1cW8uZ2xKfT7hB4sLdP6aE9gYiNqOoXkM"  # noqa: S105 - an example


class TokenBody(BaseModel):
    """A token without its secret."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: str
    owner: str
    name: str
    scope: Literal["read", "write", "admin"]
    created: datetime
    expires: datetime | None
    revoked: datetime | None
    last_used: datetime | None = Field(description="To within five minutes.")
    valid: bool = Field(description="Whether it is neither expired nor revoked.")


class TokenList(BaseModel):
    """Tokens, the newest first."""

    tokens: list[TokenBody]


class CreatedToken(TokenBody):
    """A new token with its secret, which cannot be read again."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "secret": _SECRET}]})

    secret: str


class CreateToken(BaseModel):
    """The request for a new token."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "laptop", "scope": "write"}]}
    )

    name: str = Field("", max_length=MAX_NAME, description="What it is for.")
    scope: Literal["read", "write", "admin"] = Field(description="Each scope includes the ones before it.")
    owner: str | None = Field(
        None, max_length=MAX_NAME, description="Whose assets it gives access to; by default your own."
    )
    expires: AwareDatetime | None = Field(None, description="By default it does not expire.")


@router.get("/tokens")
def list_tokens(services: WithServices, principal: Reader) -> TokenList:
    """List the tokens that you may see, with expired and revoked ones."""
    now = services.ledger.now()
    found = Tokens(services.ledger).list(principal.sees)
    return TokenList(tokens=[TokenBody.model_validate(_values(token, now)) for token in found])


@router.post("/tokens", status_code=HTTPStatus.CREATED, responses={400: {"description": "an invalid value"}})
def create_token(services: WithServices, principal: Writer, request: CreateToken) -> CreatedToken:
    """Create a token with at most your scope. Its secret is in this response only."""
    owner = principal.owner if request.owner is None else request.owner
    expires = request.expires.timestamp() if request.expires else None
    _check(services, principal, owner=owner, scope=Scope[request.scope.upper()], expires=expires)
    created = Tokens(services.ledger).create(
        owner=owner, scope=request.scope, name=request.name, expires=expires
    )
    values = _values(created.token, services.ledger.now())
    return CreatedToken.model_validate({**values, "secret": created.secret})


@router.delete("/tokens/{token}", status_code=HTTPStatus.NO_CONTENT, response_class=Response)
def revoke_token(services: WithServices, principal: Writer, token: str) -> None:
    """Revoke a token of at most your scope. It and its browser sessions stop working at once."""
    tokens = Tokens(services.ledger)
    found = tokens.get(token)
    if found is None or not principal.may_see(found.owner):
        raise problems.not_found()
    if Scope[found.scope.upper()] > principal.scope:
        raise Problem(HTTPStatus.FORBIDDEN, f"this requires a token with scope {found.scope}")
    tokens.revoke(token)


def _check(
    services: Services, principal: Principal, *, owner: str, scope: Scope, expires: float | None
) -> None:
    """A client gives no more rights than it has. Raises `Problem` 403 and `UsageError`."""
    if scope > principal.scope:
        raise Problem(HTTPStatus.FORBIDDEN, f"this requires a token with scope {scope.name.lower()}")
    if not principal.may_see(owner):
        raise Problem(HTTPStatus.FORBIDDEN, "only administrators create tokens of other owners")
    own = Tokens(services.ledger).get(principal.token) if principal.token else None
    limit = None if own is None or principal.scope is Scope.ADMIN else own.expires
    if limit is not None and (expires is None or expires > limit):
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "the new token would expire later than yours",
            remedy=f"choose a time before {_time(limit)}",
        )
    if is_local(services) and scope < Scope.ADMIN:
        raise UsageError(
            "the first token ends the access without tokens, so it must have the scope admin",
            remedy="create a token with the scope admin first",
        )


def _values(token: Token, now: float) -> dict[str, object]:
    times = {name: _time(getattr(token, name)) for name in ("created", "expires", "revoked", "last_used")}
    return {**vars(token), **times, "valid": token.is_valid(now)}


def _time(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
