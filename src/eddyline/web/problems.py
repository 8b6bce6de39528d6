"""Errors of the API as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from eddyline.core.errors import EddylineError, MissingError, TransientError, UsageError
from eddyline.web.allowed_methods import AllowedMethods

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):  # noqa: N818 - the term of RFC 9457
    """An error response: `status`, what is wrong (`detail`), what to do (`remedy`), and further members."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
        **members: object,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.headers = dict(headers or {})
        self.members = members


def not_found() -> Problem:
    """The response for what does not exist, and for what belongs to another owner: they must be equal."""
    return Problem(HTTPStatus.NOT_FOUND, "the resource does not exist")


def install(app: FastAPI) -> None:
    """Convert all errors of the routes to problem details. Add the routes to `app.state.allowed_methods`."""
    app.state.allowed_methods = AllowedMethods()
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(EddylineError, _on_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)


def response(problem: Problem) -> JSONResponse:
    """The response that states a problem."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        **({"remedy": problem.remedy} if problem.remedy else {}),
        **problem.members,
    }
    return JSONResponse(body, problem.status.value, problem.headers, MEDIA_TYPE)


def of_error(error: EddylineError) -> Problem:
    """The problem that states an error of Eddyline."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    if isinstance(error, MissingError):
        status = HTTPStatus.NOT_FOUND
    elif isinstance(error, TransientError):
        status = HTTPStatus.SERVICE_UNAVAILABLE
    elif isinstance(error, UsageError):
        status = HTTPStatus.BAD_REQUEST
    return Problem(status, error.message, remedy=error.remedy)


async def _on_problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this class only
    return response(error)


async def _on_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, EddylineError)  # noqa: S101 - registered for this class only
    return response(of_error(error))


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    status = HTTPStatus(error.status_code)
    if status is HTTPStatus.NOT_FOUND:
        return response(not_found())
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        methods: AllowedMethods = request.app.state.allowed_methods
        headers["Allow"] = ", ".join(methods.of(request.url.path, headers.get("Allow", "").split(",")))
    return response(Problem(status, str(error.detail), headers=headers))


async def _on_invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    errors = [
        {"in": str(each["loc"][0]), "at": "/".join(map(str, each["loc"][1:])), "detail": each["msg"]}
        for each in error.errors()
    ]
    return response(Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the request is invalid", errors=errors))
