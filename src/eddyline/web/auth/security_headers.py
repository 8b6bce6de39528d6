"""Security headers of every response.

The content security policy allows scripts and styles as files of this server only. Routes may replace each
header: files of assets have a policy with `sandbox` (stored_files.py).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eddyline.web.services import WebSettings

_YEAR_S = 365 * 86_400
_UNUSED_FEATURES = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone",
    "midi", "payment", "publickey-credentials-get", "serial", "usb",
)  # fmt: skip


def content_security_policy(tiles: str = "") -> str:
    """The policy of pages; `tiles` is the URL template of the map's tiles, or ""."""
    parts = urlsplit(tiles)
    # {s}.tile.example.org: the subdomains of a tile server.
    server = f" {parts.scheme}://{parts.netloc.replace('{s}', '*')}" if parts.netloc else ""
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' data: blob:{server}",
        "media-src": "'self' blob:",
        "connect-src": "'self'",
        "font-src": "'self' data:",
        "worker-src": "'self'",
        "manifest-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def headers_of(settings: WebSettings) -> dict[str, str]:
    """The headers of every response of a server."""
    headers = {
        "Content-Security-Policy": content_security_policy(settings.tiles),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": ", ".join(f"{name}=()" for name in _UNUSED_FEATURES),
        # Browsers and proxies keep no page or result of the API without asking again.
        "Cache-Control": "private, no-cache",
    }
    if settings.origin.startswith("https://"):
        headers["Strict-Transport-Security"] = f"max-age={_YEAR_S}"
    return headers


class SecurityHeaders:
    """Adds the headers to each response that does not have them."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._headers = headers_of(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the headers to its response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
