from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import Request
from fastapi.responses import Response

from eddyline.library.sessions import NewSession
from eddyline.web.auth.cookies import clearing_header, cookie_name, read_cookie, set_cookie
from eddyline.web.services import WebSettings

SESSION = NewSession(secret="eds_x", expires=160.0)  # noqa: S106 - not a secret


def request_by(scheme: str, cookie: str = "") -> Request:
    headers = [(b"host", b"media.example.com"), (b"cookie", cookie.encode())]
    return Request(
        {
            "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers,
            "scheme": scheme, "server": ("media.example.com", 443),
        }
    )  # fmt: skip


def settings_with(origin: str) -> WebSettings:
    return WebSettings(local=False, data=Path(), origin=origin)


@pytest.mark.parametrize(
    ("scheme", "origin", "expected"),
    [
        ("http", "", "eddyline_session"),
        ("https", "", "__Host-eddyline_session"),
        # A proxy ends TLS in front of the server.
        ("http", "https://media.example.com", "__Host-eddyline_session"),
        ("http", "http://media.example.com", "eddyline_session"),
    ],
)
def test_the_cookie_is_bound_to_the_host_on_https(scheme: str, origin: str, expected: str) -> None:
    request, settings = request_by(scheme), settings_with(origin)
    assert cookie_name(request, settings) == expected
    response = Response()
    set_cookie(response, request, settings, SESSION, 100.0)
    parts = {part.strip().lower() for part in response.headers["set-cookie"].split(";")}
    assert {f"{expected.lower()}=eds_x", "httponly", "samesite=strict", "path=/", "max-age=60"} <= parts
    assert ("secure" in parts) is expected.startswith("__Host-")
    assert not any(part.startswith("domain") for part in parts)


def test_a_cookie_without_the_prefix_is_ignored_on_https() -> None:
    settings = settings_with("https://media.example.com")
    assert read_cookie(request_by("https", "eddyline_session=eds_planted"), settings) == ""
    assert read_cookie(request_by("https", "__Host-eddyline_session=eds_own"), settings) == "eds_own"


def test_a_cookie_is_cleared_with_the_same_attributes() -> None:
    header = clearing_header(request_by("https"), settings_with(""))["Set-Cookie"]
    assert header.startswith('__Host-eddyline_session=""')
    assert "Max-Age=0" in header
    assert "Secure" in header
