"""The table of routes on the page of the HTTP API, from the OpenAPI schema and the routes themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from eddyline.web import openapi
from eddyline.web.application import API
from eddyline.web.auth.dependencies import Administrator, Reader, Writer

_SCOPES = {
    get_args(kind)[1].dependency: name
    for kind, name in ((Reader, "read"), (Writer, "write"), (Administrator, "admin"))
}


def _scopes(dependant: Dependant) -> Iterator[str]:
    """The scopes that a route and its dependencies require."""
    if dependant.call in _SCOPES:
        yield _SCOPES[dependant.call]
    for each in dependant.dependencies:
        yield from _scopes(each)


def routes() -> str:
    """A table for each tag: method and path, required scope, summary, and the parameters of the query."""
    app = FastAPI()
    scopes: dict[tuple[str, str], str] = {}
    for module in API:
        app.include_router(module.router, prefix="/api/v1")
        for route in module.router.routes:
            if isinstance(route, APIRoute):
                scope = next(_scopes(route.dependant), "none")
                scopes |= {(f"/api/v1{route.path}", method.lower()): scope for method in route.methods or ()}
    by_tag: dict[str, list[str]] = {}
    for path, item in openapi.build(app)["paths"].items():
        for method, operation in item.items():
            query = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
            first = operation["description"].split("\n")[0]
            names = ", ".join(f"`{name}`" for name in query)
            row = f"| `{method.upper()} {path}` | {scopes[path, method]} | {first} | {names} |"
            by_tag.setdefault(operation["tags"][0], []).append(row.replace("|  |", "| |"))
    parts = []
    for tag, text in openapi.TAGS.items():
        if tag in by_tag:
            head = ["| route | scope | what it does | query |", "|---|---|---|---|"]
            parts.append("\n".join([f"### {tag.capitalize()}", text, "", *head, *by_tag[tag], ""]))
    return "\n".join(parts)
