"""The template of the route that answered a request: without ids and secrets, so that it may be logged."""

from __future__ import annotations

from typing import Any

UNMATCHED = "unmatched"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def route_template(scope: dict[str, Any]) -> str:
    """Such as "/api/v1/assets/{asset}", or "/static" for all files below it; `scope` was answered."""
    # FastAPI keeps the template with the prefixes of all routers here; older versions, in the route itself.
    context = scope.get("fastapi", {}).get("effective_route_context")
    for route in (context, scope.get("route")):
        template = getattr(route, "path_format", None)
        if isinstance(template, str):
            return template
    return str(scope.get("root_path", "")) or UNMATCHED  # of a mounted directory


def method_of(scope: dict[str, Any]) -> str:
    """The method of a request; "other" for one that clients may have invented."""
    method = str(scope.get("method", ""))
    return method if method in METHODS else "other"
