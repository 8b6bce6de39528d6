"""The methods of a path, for the header Allow of a 405 (RFC 9110 section 15.5.6).

The router stops at the first route that matches a path, so it names the methods of that route only.
"""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter
from starlette.routing import Route, compile_path


class AllowedMethods:
    """The routes of an application, which are added when it is created."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, frozenset[str]]] = []

    def add(self, router: APIRouter, prefix: str = "") -> None:
        """Add the routes of a router that is included below `prefix`."""
        self._routes += [
            (prefix + route.path, frozenset(route.methods or ()))
            for route in router.routes
            if isinstance(route, Route)
        ]

    def of(self, path: str, known: Iterable[str] = ()) -> list[str]:
        """All methods of a path, with the `known` ones, sorted.

        A path without parameters that a route names exactly has the methods of that route only, although a
        parameter of another one matches it, such as that of /jobs/{job} the path /jobs/redrive.
        """
        exact = [methods for pattern, methods in self._routes if pattern == path]
        if exact:
            return sorted(frozenset().union(*exact))
        found = {each.strip() for each in known if each.strip()}
        for pattern, methods in self._routes:
            if compile_path(pattern)[0].match(path):
                found |= methods
        return sorted(found)
