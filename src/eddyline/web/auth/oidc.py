"""Bearer tokens of an OpenID Connect issuer (JWT, RFC 7519 and RFC 9068).

Only asymmetric signatures are accepted, each with a key of the right kind: a token that is not signed
("none"), or is signed with a public key as if it were a password (HS256), is refused before any key is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from eddyline.config import Settings
from eddyline.core.clock import Clock
from eddyline.core.errors import UsageError
from eddyline.store.public_http import PublicConnections, PublicHttp
from eddyline.web.auth.key_set import Fetch, KeySet
from eddyline.web.auth.principal import Principal, Scope
from eddyline.web.services import Services

ALGORITHMS = {
    "RS256": "RSA", "RS384": "RSA", "RS512": "RSA", "PS256": "RSA", "PS384": "RSA", "PS512": "RSA",
    "ES256": "EC", "ES384": "EC", "ES512": "EC", "EdDSA": "OKP",
}  # fmt: skip
"""The accepted algorithms, with the kinds of their keys."""
LEEWAY_S = 60
"""Seconds by which the clocks of issuer and server may differ."""
_MAX_LENGTH = 16 * 1024
_MAX_OWNER = 100


@dataclass(frozen=True, kw_only=True)
class OidcSettings:
    """The issuer, the audience that tokens must have, and how their claims become an owner and a scope.

    `scopes` maps values of the claim `scope_claim` to scopes; without any of them a token is refused.
    """

    issuer: str
    audience: str
    jwks: str
    owner_claim: str
    scope_claim: str
    scopes: Mapping[str, Scope]


def oidc_settings(settings: Settings) -> OidcSettings | None:
    """The settings of OpenID Connect, or None without an issuer. Raises `UsageError`."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_audience:
        raise UsageError(
            "EDDYLINE_OIDC_ISSUER is set, and EDDYLINE_OIDC_AUDIENCE is not",
            remedy="set it to the audience (aud) of the tokens for this server",
        )
    return OidcSettings(
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        jwks=settings.oidc_jwks or "",
        owner_claim=settings.oidc_owner_claim,
        scope_claim=settings.oidc_scope_claim,
        scopes=_parse_scopes(settings.oidc_scopes),
    )


def open_oidc(services: Services) -> Oidc:
    """The verifier of the configured issuer. Raises `UsageError` for invalid settings.

    An issuer in a private network must be one of the hosts in EDDYLINE_OUTBOUND_HOSTS.
    """
    configured = services.shared.settings
    settings = oidc_settings(configured)
    if settings is None:
        raise UsageError("no issuer is configured", remedy="set EDDYLINE_OIDC_ISSUER")
    http = PublicHttp(connections=PublicConnections(exempt=configured.outbound_hosts))
    return Oidc(settings, http.fetch, services.clock)


def _parse_scopes(text: str) -> dict[str, Scope]:
    found: dict[str, Scope] = {}
    for each in text.split(","):
        value, _, name = each.strip().rpartition("=")
        if not value or name.upper() not in Scope.__members__:
            raise UsageError(
                f"invalid entry {each.strip()!r} of EDDYLINE_OIDC_SCOPES",
                remedy="write VALUE=read, VALUE=write or VALUE=admin, separated by commas",
            )
        found[value] = Scope[name.upper()]
    return found


class Oidc:
    """Verifies the tokens of one issuer. Safe from any thread."""

    def __init__(self, settings: OidcSettings, fetch: Fetch, clock: Clock) -> None:
        self._settings = settings
        self._keys = KeySet(settings.issuer, fetch, url=settings.jwks)
        self._clock = clock

    def authenticate(self, token: str) -> Principal | None:
        """The principal of a valid token, or None."""
        claims = self._claims(token)
        if claims is None:
            return None
        owner = claims.get(self._settings.owner_claim)
        scope = self._scope(claims.get(self._settings.scope_claim))
        if not isinstance(owner, str) or not 0 < len(owner) <= _MAX_OWNER or not owner.isprintable():
            return None
        return None if scope is None else Principal(owner=owner, scope=scope)

    def _claims(self, token: str) -> dict[str, Any] | None:
        if len(token) > _MAX_LENGTH:
            return None
        now = self._clock.now()
        try:
            header = jwt.get_unverified_header(token)
            algorithm, kid = header.get("alg"), header.get("kid")
            if algorithm not in ALGORITHMS or not isinstance(kid, str):
                return None
            key = self._keys.find(kid, now)
            if key is None or key.key_type != ALGORITHMS[algorithm]:
                return None
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                # The times are compared with the clock of this server below.
                options={"require": ["exp", "iss", "aud"], "verify_exp": False, "verify_nbf": False,
                         "verify_iat": False},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        return claims if _is_current(claims, now) else None

    def _scope(self, claim: object) -> Scope | None:
        """The highest scope of a claim: values separated by spaces, or a list of them."""
        values = claim.split() if isinstance(claim, str) else claim
        known = self._settings.scopes
        listed: Sequence[object] = values if isinstance(values, list) else ()
        return max((known[each] for each in listed if isinstance(each, str) and each in known), default=None)


def _is_current(claims: Mapping[str, Any], now: float) -> bool:
    """Whether the times of a token (`exp`, `nbf`, `iat`) allow its use now."""
    times = [claims.get(name) for name in ("exp", "nbf", "iat")]
    if any(isinstance(each, bool) or not isinstance(each, int | float | None) for each in times):
        return False
    expires, *starts = times
    begun = all(each is None or each <= now + LEEWAY_S for each in starts)
    return expires is not None and now < expires + LEEWAY_S and begun
