"""Reads the rest of a body after an error, so that the client reads the response.

A server that closes a connection while the client is sending makes the operating system of the client discard
the response: a browser then reports a lost connection instead of the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.requests import Request

from eddyline.web.problems import Problem

_MAX_BYTES = 64 * 1024 * 1024
_MAX_S = 2.0


@asynccontextmanager
async def drain(request: Request) -> AsyncIterator[None]:
    """On a `Problem`, discard the rest of the body for a short time, then close the connection."""
    try:
        yield
    except Problem as problem:
        if not await _discard(request):
            problem.headers["Connection"] = "close"
        raise


async def _discard(request: Request) -> bool:
    """Discard the rest of a body; whether it ended. `request.state.body_ended`: it ended before."""
    if getattr(request.state, "body_ended", False):
        return True
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return True
    left = _MAX_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_MAX_S):
            while left > 0:
                message = await request.receive()
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return True
                left -= len(message.get("body", b""))
    return False
