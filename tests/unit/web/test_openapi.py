from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from tests.unit.web.web_app import open_services

from eddyline.web.application import create_app
from eddyline.web.openapi import TAGS


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    services = open_services(tmp_path_factory.mktemp("openapi"))
    yield create_app(services)
    services.ledger.close()


def operations(app: FastAPI) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, item in app.openapi()["paths"].items()
        for method, operation in item.items()
    ]


def test_every_operation_describes_its_errors_as_problem_details(app: FastAPI) -> None:
    for name, operation in operations(app):
        errors = {status: each for status, each in operation["responses"].items() if status[0] in "45"}
        assert {"401", "403", "503"} <= set(errors), name
        for status, error in errors.items():
            assert "application/problem+json" in error["content"], (name, status)
    assert "HTTPValidationError" not in str(app.openapi())


def test_every_operation_has_security_a_description_and_a_known_tag(app: FastAPI) -> None:
    schemes = set(app.openapi()["components"]["securitySchemes"])
    for name, operation in operations(app):
        assert {scheme for each in operation["security"] for scheme in each} <= schemes, name
        assert operation["description"], name
        assert set(operation["tags"]) <= set(TAGS), name


def test_every_reference_exists(app: FastAPI) -> None:
    schema = app.openapi()

    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for each in value.values():
                yield from references(each)
        elif isinstance(value, list):
            for each in value:
                yield from references(each)

    for reference in references(schema):
        found: Any = schema
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
