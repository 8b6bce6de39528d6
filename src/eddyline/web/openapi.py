"""The OpenAPI schema: what FastAPI derives from the routes, with errors, security and descriptions.

FastAPI declares another schema for invalid requests than the problem details of this application.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from eddyline import __version__
from eddyline.web.api.errors import ProblemDetails, declare

DESCRIPTION = """\
Assets are recordings that Eddyline transcodes and publishes. Lists are walked by cursors, errors are problem
details (RFC 9457) with a remedy, and POST requests may carry an `Idempotency-Key`. See
docs/reference/http-api.md.
"""
TAGS = {
    "assets": "Recordings: list, create, cancel, retry, delete.",
    "jobs": "The jobs of assets, with their starts and the evidence of failures.",
    "telemetry": "The camera's sensors and GPS track, reduced for charts and maps.",
    "profiles": "Encoding profiles.",
    "workers": "The processes that run jobs.",
    "fleet": "The record of Spot instances: interruptions, capacity, savings.",
    "events": "What happens to assets, as a stream.",
    "uploads": "Uploads by the tus protocol 1.0.",
    "webhooks": "Events sent to other servers.",
    "shares": "Links that show an asset to people without an account.",
    "tokens": "Access tokens.",
}
_SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `eddyline token create`, such as `edl_...`, in the header Authorization.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "eddyline_session",
        "description": "The session cookie of a browser (`__Host-eddyline_session` on https).",
    },
}
_METHODS = {"get", "put", "post", "delete", "patch", "head", "options"}
_REF = "#/components/schemas/"


def install(app: FastAPI) -> None:
    """Make `/openapi.json` serve the schema of `build`."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = build(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the documented way to replace it


def build(app: FastAPI) -> dict[str, Any]:
    """The schema of all routes of the API."""
    schema = get_openapi(
        title="Eddyline",
        version=__version__,
        summary="Transcodes camera footage into streamable assets.",
        description=DESCRIPTION,
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
    )
    components = schema.setdefault("components", {})
    components.setdefault("securitySchemes", {}).update(_SECURITY)
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ProblemDetails.model_json_schema(by_alias=True, ref_template=_REF + "{model}")
    schemas |= problem.pop("$defs", {})
    schemas["ProblemDetails"] = problem
    for path, operation in _operations(schema):
        responses = operation["responses"]
        responses.pop("422", None)  # FastAPI's, or the same again
        for status in (400, 401, 403, *([404] if "{" in path else []), 422, 429, 503):
            responses.setdefault(str(status), declare(status)[status])
        for status, declared in responses.items():
            if status[0] in "45":
                declared.setdefault("content", declare(400)[400]["content"])
        operation.setdefault("security", [{"token": []}, {"session": []}])
        operation.setdefault("description", operation.get("summary", path))
    return schema


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in schema.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, operation
