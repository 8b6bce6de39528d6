"""Limits failed authentications of each client address.

Valid credentials are always accepted: many clients may share one address (a proxy, a network behind NAT), and
one of them must not lock the others out. Secrets have 128 bits or more, so that the limit does not have to
prevent guessing; it bounds the work and the log lines that wrong credentials cause.
"""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import Request

from eddyline.web.problems import Problem

LIMIT = 20
"""Failures of one address within `WINDOW_S` before its further ones are answered with 429."""
WINDOW_S = 60.0
_MAX_ADDRESSES = 10_000
_IPV6_PREFIX = 64  # one client has at least such a network


@dataclass
class _Window:
    started: float
    count: int = 0


class FailedAuthentications:
    """Counts failures of the latest 10,000 addresses, in windows of a minute. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: OrderedDict[str, _Window] = OrderedDict()

    def record(self, address: str, now: float) -> int:
        """Count a failure; returns after how many seconds the client may try again, 0 within the limit."""
        key = _network(address)
        with self._lock:
            window = self._windows.get(key)
            if window is None or not 0 <= now - window.started < WINDOW_S:
                window = self._windows[key] = _Window(started=now)
            self._windows.move_to_end(key)
            window.count += 1
            while len(self._windows) > _MAX_ADDRESSES:
                self._windows.popitem(last=False)
            if window.count <= LIMIT:
                return 0
            return max(1, math.ceil(window.started + WINDOW_S - now))


def refuse_if_limited(request: Request, now: float) -> None:
    """Count a failed authentication of the client. Raises `Problem` 429 above the limit."""
    counts = _counts(request)
    address = request.client.host if request.client else ""
    if wait_s := counts.record(address, now):
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS,
            "too many failed authentications",
            remedy=f"use a valid token, or try again in {wait_s} s",
            headers={"Retry-After": str(wait_s)},
        )


def _counts(request: Request) -> FailedAuthentications:
    """The counts of the application of a request."""
    state = request.app.state
    if not hasattr(state, "failed_authentications"):
        state.failed_authentications = FailedAuthentications()
    counts: FailedAuthentications = state.failed_authentications
    return counts


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - the version of IP
        return str(parsed)
    return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
