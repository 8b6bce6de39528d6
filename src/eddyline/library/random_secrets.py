"""Random secrets of tokens, sessions and share links; databases keep only their SHA-256."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets


class SecretKind:
    """A kind of secret: a prefix and a number of random bytes, written in base64url without padding."""

    def __init__(self, prefix: str, size: int) -> None:
        self._prefix = prefix
        self._size = size
        length = (size * 8 + 5) // 6  # six bits a character
        self._pattern = re.compile(rf"{re.escape(prefix)}[A-Za-z0-9_-]{{{length}}}")

    def generate(self) -> str:
        """A new secret, from the random generator of the operating system."""
        return self._prefix + secrets.token_urlsafe(self._size)

    def digest(self, secret: str) -> str | None:
        """The SHA-256 (hex) by which a secret is stored; None if a text has not the form of this kind.

        Secrets are random and long, so a fast hash without salt is sufficient.
        """
        if self._pattern.fullmatch(secret) is None:
            return None
        return hashlib.sha256(secret.encode()).hexdigest()


def same(stored: str, digest: str) -> bool:
    """Whether two digests are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(stored.encode(), digest.encode())
