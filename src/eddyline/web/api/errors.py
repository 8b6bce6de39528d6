"""Declares the errors of routes in the OpenAPI schema: problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from eddyline.web.problems import MEDIA_TYPE


class InvalidValue(BaseModel):
    """A value of a request that is invalid."""

    model_config = ConfigDict(populate_by_name=True)

    in_: str = Field(alias="in", description="path, query, header or body", examples=["query"])
    at: str = Field(description="The path of the value, such as limit.", examples=["limit"])
    detail: str = Field(examples=["Input should be less than or equal to 1000"])


class ProblemDetails(BaseModel):
    """An error: what is wrong, and what to do."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(default="about:blank", examples=["about:blank"])
    title: str = Field(description="The phrase of the status.", examples=["Not Found"])
    status: int = Field(description="The HTTP status.", examples=[404])
    detail: str = Field(description="What is wrong.", examples=["the resource does not exist"])
    remedy: str | None = Field(
        default=None, description="What to do about it.", examples=["wait until the asset is ready"]
    )
    errors: list[InvalidValue] | None = Field(default=None, description="The invalid values of the request.")


_DESCRIPTIONS = {
    400: "The request is malformed, such as a cursor of another listing.",
    401: "A token is missing, expired or revoked.",
    403: "The token's scope does not allow this.",
    404: "It does not exist, or belongs to another owner.",
    409: "The state of the resource does not allow this, or an equal request is in progress.",
    412: "A condition of the request does not hold.",
    413: "The body, or what it would add, is too large.",
    415: "The type of the body, or of the file, is not supported.",
    416: "The range is outside the file.",
    422: "A value of the request is invalid, or the content cannot be processed.",
    429: "Too many requests.",
    503: "A service behind the server is unavailable; repeat the request later.",
}


def declare(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The argument `responses` of a route with these errors; all routes have some (`web/openapi.py`)."""
    return {
        status: {
            "description": _DESCRIPTIONS.get(status, HTTPStatus(status).phrase),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
        for status in statuses
    }
