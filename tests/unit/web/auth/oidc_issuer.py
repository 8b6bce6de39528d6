"""An issuer of OpenID Connect for tests: its keys, its documents, and the tokens that it signs."""

from __future__ import annotations

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from eddyline.core.errors import TransientError

ISSUER, AUDIENCE = "https://login.example.com/realm", "eddyline"
METADATA, JWKS = f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/keys"


def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """Serves its documents by `fetch`, and counts the requests."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"k1": rsa_key()}
        self.requests: list[str] = []
        self.available = True

    def fetch(self, url: str, max_bytes: int) -> bytes:
        self.requests.append(url)
        if not self.available:
            raise TransientError("the issuer is unavailable")
        document = {METADATA: {"issuer": ISSUER, "jwks_uri": JWKS}, JWKS: {"keys": self._jwks()}}[url]
        data = json.dumps(document).encode()
        assert len(data) <= max_bytes
        return data

    def _jwks(self) -> list[dict[str, Any]]:
        found = []
        for kid, key in self.keys.items():
            kind = jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else None
            algorithm = kind or jwt.algorithms.RSAAlgorithm
            found.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": kid, "use": "sig"})
        return found

    def sign(
        self, now: float, *, kid: str = "k1", algorithm: str = "RS256", key: Any = None, **claims: Any
    ) -> str:
        """A token; `claims` replace the usual ones, and None removes one."""
        usual = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": int(now), "exp": int(now) + 300,
            "scope": "openid eddyline.write",
        }  # fmt: skip
        found = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(found, key or self.keys[kid], algorithm=algorithm, headers={"kid": kid})
