"""Principals: who makes a request, for which owner, with which scope."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Scope(IntEnum):
    """What a principal may do; each scope includes the ones before it.

    READ: see its owner's assets, jobs and events. WRITE: also create, cancel, retry and delete them, and
    manage their shares and webhooks. ADMIN: also the fleet, workers, tokens, and the assets of all owners.
    """

    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A client that was authenticated; `token` is the public id of its token ("": local or OIDC)."""

    owner: str
    scope: Scope
    token: str = ""

    @property
    def sees(self) -> str | None:
        """The owner whose resources it sees; None: those of all owners."""
        return None if self.scope is Scope.ADMIN else self.owner

    def may_see(self, owner: str) -> bool:
        """Whether it sees the resources of an owner."""
        return self.sees is None or self.sees == owner


LOCAL = Principal(owner="", scope=Scope.ADMIN)
"""The client of a server on loopback without tokens."""
