"""Paths of this site to which the login page redirects; others would be an open redirect."""

from __future__ import annotations

import re
from urllib.parse import quote

from fastapi import Request

# Browsers treat a backslash like a slash, and ignore tabs and newlines: all three could form `//host`.
_LOCAL = re.compile(r"/(?:[^/\\\x00-\x20\x7f][^\\\x00-\x20\x7f]*)?")
_MAX_LENGTH = 2000
_MACHINE_PATHS = ("/api/", "/media/", "/static/", "/s/")


def local_path(text: str) -> str:
    """The path, if it is one of this site, else "/"."""
    if len(text) <= _MAX_LENGTH and _LOCAL.fullmatch(text) and not text.startswith("/login"):
        return text
    return "/"


def login_path(request: Request) -> str:
    """The address of the login page that redirects back to the page of a request."""
    query = f"?{request.url.query}" if request.url.query else ""
    target = local_path(request.url.path + query)
    return "/login" if target == "/" else f"/login?next={quote(target, safe='/')}"


def is_page(request: Request) -> bool:
    """Whether a request is a browser's navigation to a page, not a call of the API or of a file."""
    return (
        request.method in {"GET", "HEAD"}
        and not request.url.path.startswith(_MACHINE_PATHS)
        and "text/html" in request.headers.get("accept", "")
    )
