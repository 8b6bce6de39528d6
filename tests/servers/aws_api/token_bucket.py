"""Request rate limits, as AWS' APIs apply them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(kw_only=True)
class TokenBucket:
    """At most `burst` requests at once, and `per_s` a second on average."""

    burst: float
    per_s: float
    _tokens: float | None = field(default=None)
    _at: float = 0.0

    def take(self, now: float) -> bool:
        """Take a token; False: none is left, the request is throttled."""
        tokens = self.burst if self._tokens is None else self._tokens + (now - self._at) * self.per_s
        self._tokens, self._at = min(self.burst, tokens), now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
