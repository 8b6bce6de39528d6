"""Signing in and out by a token; the session cookie."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from eddyline.library.sessions import Sessions
from eddyline.library.tokens import Tokens
from eddyline.web.auth.cookies import clear_cookie, read_cookie, set_cookie
from eddyline.web.auth.dependencies import Reader
from eddyline.web.auth.failures import refuse_if_limited
from eddyline.web.auth.local_paths import local_path
from eddyline.web.pages.render import render
from eddyline.web.problems import Problem
from eddyline.web.services import WithServices

router = APIRouter()

_NO_STORE = {"Cache-Control": "no-store"}


class Login(BaseModel):
    """The form of the login page."""

    model_config = ConfigDict(extra="forbid")

    token: str = Field(max_length=200)
    next: str = ""


@router.get("/login")
def login_page(request: Request, following: Annotated[str, Query(alias="next")] = "/") -> Response:
    """The page with the form for a token."""
    page = render(request, "login.html", None, following=local_path(following))
    page.headers.update(_NO_STORE)
    return page


@router.post("/login")
def sign_in(request: Request, services: WithServices, login: Login) -> Response:
    """Open a session for a token; the response names the page to open next. Raises `Problem` 401 and 429."""
    token = Tokens(services.ledger).authenticate(login.token.strip())
    if token is None:
        refuse_if_limited(request, services.clock.now())
        raise Problem(HTTPStatus.UNAUTHORIZED, "the token is unknown, expired or revoked")
    session = Sessions(services.ledger).open(token)
    response = JSONResponse({"next": local_path(login.next)}, headers=_NO_STORE)
    set_cookie(response, request, services.settings, session, services.ledger.now())
    return response


@router.get("/session", status_code=HTTPStatus.NO_CONTENT)
def session(principal: Reader) -> None:
    """204 for a browser that is signed in.

    The cookie is not sent with a link from another site (SameSite=Strict), so that link shows the login page.
    A request of that page sends it.
    """
    del principal


@router.post("/logout")
def sign_out(request: Request, services: WithServices) -> Response:
    """End the session of the browser. Without a session it changes nothing."""
    secret = read_cookie(request, services.settings)
    if secret:
        Sessions(services.ledger).close(secret)
    # The browser drops pages that it kept.
    response = JSONResponse({"next": "/login"}, headers={**_NO_STORE, "Clear-Site-Data": '"cache"'})
    clear_cookie(response, request, services.settings)
    return response
