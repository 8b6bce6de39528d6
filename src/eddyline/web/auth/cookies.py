"""The session cookie: HttpOnly, SameSite=Strict, and bound to one host by `__Host-` on https."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from eddyline.library.sessions import NewSession
from eddyline.web.services import WebSettings

_NAME = "eddyline_session"


def is_https(request: Request, settings: WebSettings) -> bool:
    """Whether browsers reach this server by https: by its configured origin, else by the request."""
    return (settings.origin or str(request.url)).startswith("https://")


def cookie_name(request: Request, settings: WebSettings) -> str:
    """The name of the cookie. Browsers accept `__Host-` only with Secure, for one host and all paths."""
    return f"__Host-{_NAME}" if is_https(request, settings) else _NAME


def read_cookie(request: Request, settings: WebSettings) -> str:
    """The secret of the session; "" without one."""
    return request.cookies.get(cookie_name(request, settings), "")


def set_cookie(
    response: Response, request: Request, settings: WebSettings, session: NewSession, now: float
) -> None:
    """Give the browser a session."""
    response.set_cookie(
        cookie_name(request, settings),
        session.secret,
        max_age=max(0, int(session.expires - now)),
        path="/",
        secure=is_https(request, settings),
        httponly=True,
        samesite="strict",
    )


def clear_cookie(response: Response, request: Request, settings: WebSettings) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(
        cookie_name(request, settings),
        path="/",
        secure=is_https(request, settings),
        httponly=True,
        samesite="strict",
    )


def clearing_header(request: Request, settings: WebSettings) -> dict[str, str]:
    """The header of `clear_cookie`, for responses that are raised as problems."""
    response = Response()
    clear_cookie(response, request, settings)
    return {"Set-Cookie": response.headers["set-cookie"]}
