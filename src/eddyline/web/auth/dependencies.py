"""The dependencies by which routes require a principal. Every route has one of these, or is public."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from eddyline.app.optional_dependencies import require_extra
from eddyline.library.sessions import Sessions
from eddyline.library.tokens import Token, Tokens
from eddyline.web.auth.cookies import clearing_header, read_cookie
from eddyline.web.auth.failures import refuse_if_limited
from eddyline.web.auth.local_paths import is_page, login_path
from eddyline.web.auth.principal import LOCAL, Principal, Scope
from eddyline.web.problems import Problem
from eddyline.web.services import Services, WithServices

if TYPE_CHECKING:
    from eddyline.web.auth.oidc import Oidc


def authenticate(request: Request, services: WithServices) -> Principal:
    """The principal of a request, by its header `Authorization`, else by its session cookie.

    Raises `Problem` 401, or 429 after too many failures. The browser that requests a page is redirected to
    the login page instead.
    """
    if is_local(services):
        return LOCAL
    bearer = bearer_token(request)
    cookie = "" if bearer else read_cookie(request, services.settings)
    principal = (
        of_bearer(request, services, bearer) if bearer else of_session(services, cookie) if cookie else None
    )
    if principal is not None:
        return principal
    if bearer or cookie:
        refuse_if_limited(request, services.clock.now())
    raise _refusal(request, services, forget_cookie=bool(cookie))


def is_local(services: Services) -> bool:
    """Whether every client is the administrator. A token that is created while the server runs ends that."""
    settings = services.shared.settings
    return services.settings.local and not settings.oidc_issuer and not Tokens(services.ledger).exist()


def valid_tokens(services: Services, ids: frozenset[str]) -> frozenset[str]:
    """Those of the ids of tokens that are valid; "" (no token) unless a token has ended the local mode."""
    valid = Tokens(services.ledger).valid(ids - {""})
    local = "" in ids and (services.shared.settings.oidc_issuer or is_local(services))
    return valid | {""} if local else valid


def bearer_token(request: Request) -> str:
    """The token in the header `Authorization` (RFC 6750 section 2.1); "" without one."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def of_bearer(request: Request, services: Services, secret: str) -> Principal | None:
    """The principal of a bearer token, or None if it is not valid."""
    if services.shared.settings.oidc_issuer and not secret.startswith("edl_"):
        return _oidc(request, services).authenticate(secret)
    token = Tokens(services.ledger).authenticate(secret)
    return None if token is None else principal_of(token)


def _oidc(request: Request, services: Services) -> Oidc:
    """The verifier of the configured issuer; it keeps the keys of the issuer. Raises `UsageError`."""
    state = request.app.state
    if not hasattr(state, "oidc"):
        with require_extra("oidc", "OpenID Connect"):
            from eddyline.web.auth.oidc import open_oidc  # noqa: PLC0415 - PyJWT is optional

        state.oidc = open_oidc(services)
    verifier: Oidc = state.oidc
    return verifier


def of_session(services: Services, secret: str) -> Principal | None:
    """The principal of a session cookie, or None if it is not valid."""
    token = Sessions(services.ledger).authenticate(secret)
    return None if token is None else principal_of(token)


def principal_of(token: Token) -> Principal:
    """The principal that a valid token stands for."""
    return Principal(owner=token.owner, scope=Scope[token.scope.upper()], token=token.id)


def _refusal(request: Request, services: Services, *, forget_cookie: bool) -> Problem:
    # A browser that keeps an invalid cookie would fail again and again, and reach the limit of failures.
    headers = clearing_header(request, services.settings) if forget_cookie else {}
    if is_page(request):
        headers["Location"] = login_path(request)
        return Problem(HTTPStatus.SEE_OTHER, "sign in first", headers=headers)
    headers["WWW-Authenticate"] = "Bearer"
    return Problem(HTTPStatus.UNAUTHORIZED, "a valid token is required", headers=headers)


def _require(scope: Scope) -> Callable[[Principal], Principal]:
    def check(principal: Annotated[Principal, Depends(authenticate)]) -> Principal:
        if principal.scope < scope:
            raise Problem(HTTPStatus.FORBIDDEN, f"this requires a token with scope {scope.name.lower()}")
        return principal

    return check


Reader = Annotated[Principal, Depends(_require(Scope.READ))]
Writer = Annotated[Principal, Depends(_require(Scope.WRITE))]
Administrator = Annotated[Principal, Depends(_require(Scope.ADMIN))]
