"""Local mode: a server on loopback without tokens treats every client as its administrator."""

from __future__ import annotations

import ipaddress

from eddyline.core.errors import UsageError
from eddyline.graph.ledger.ledger import Ledger
from eddyline.library.tokens import Tokens


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def starts_local(ledger: Ledger, host: str, *, oidc: bool = False) -> bool:
    """Whether a server that listens on `host` is in local mode: on loopback, and no token was ever created.

    `oidc`: clients may authenticate by OpenID Connect. Raises `UsageError` for an address that other machines
    reach if no client could authenticate.
    """
    tokens = Tokens(ledger)
    if is_loopback(host):
        return not oidc and not tokens.exist()
    if not oidc and not tokens.some_valid():
        raise UsageError(
            f"a server on {host} is reached from other machines, and no valid token exists",
            remedy="run eddyline token create --scope admin with the same --out or --ledger first",
        )
    return False
