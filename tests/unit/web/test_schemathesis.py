"""Requests that schemathesis generates from the OpenAPI schema, valid and invalid ones, find no defect.

It sends boundary values and random ones to every operation, and checks that the server never fails, that
every answer is declared and conforms to its schema, that invalid requests are refused, and that nothing is
answered without a valid token. `EXAMPLES=50 pytest tests/unit/web/test_schemathesis.py` searches longer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from starlette.types import Receive, Scope, Send
from tests.unit.web.catalogue_rows import add_asset
from tests.unit.web.web_app import bearer, open_services

from eddyline.core.clock import Clock
from eddyline.store.public_http import PublicConnections
from eddyline.web import background_work
from eddyline.web.application import create_app

LONG = 10
EXAMPLES = int(os.environ.get("EXAMPLES", "1"))
# The stream of events does not end; tus has other tests, which send its headers.
EXCLUDED = {
    "GET /api/v1/events",
    "POST /api/v1/uploads",
    "OPTIONS /api/v1/uploads",
    "HEAD /api/v1/uploads/{upload}",
    "PATCH /api/v1/uploads/{upload}",
    "DELETE /api/v1/uploads/{upload}",
}
EXPECTED = ["2xx", "3xx", "400", "401", "403", "404", "409", "422", "429", "503"]

REFUSED = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]


class Application:
    """The application, in which a minute passes with each request: refusals do not add up to a limit."""

    def __init__(self, app: Any, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._clock.sleep(61)
        await self._app(scope, receive, send)


@pytest.fixture
def schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(  # generated URLs must not be requested
        background_work, "connections", lambda _: PublicConnections(resolve=lambda *_: ["127.0.0.1"])
    )
    services = open_services(tmp_path)
    headers = bearer(services)
    add_asset(services)
    config = SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "headers": headers,
            "continue-on-failure": True,
            "generation": {"max-examples": EXAMPLES, "deterministic": EXAMPLES < LONG, "no-shrink": True},
            # PUT is used by no route; a longer search sends all other methods to each route.
            "phases": {
                "stateful": {"enabled": False},
                "coverage": {"unexpected-methods": ["PUT"]} if EXAMPLES < LONG else {},
            },
            # What a schema cannot express, such as a cursor, is refused although it is valid by the schema.
            "checks": {
                "positive_data_acceptance": {"expected-statuses": EXPECTED},
                "negative_data_rejection": {"expected-statuses": REFUSED},
            },
        }
    )
    app = Application(create_app(services), services.clock)
    yield schemathesis.openapi.from_asgi("/openapi.json", app, config=config, headers=headers).exclude(
        lambda context: context.operation.label in EXCLUDED
    )
    services.ledger.close()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_generated_requests_find_no_defect(schema: Any) -> None:
    failures: dict[tuple[str, str, str], str] = {}
    checks = 0
    tested: set[str] = set()
    for event in from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            failures["error", str(event), ""] = ""
        if not isinstance(event, events.ScenarioFinished):
            continue
        if event.recorder.interactions:
            tested.add(event.recorder.label)
        for each in (check for found in event.recorder.checks.values() for check in found):
            checks += 1
            if each.failure_info is not None:
                failure = each.failure_info.failure
                key = (event.recorder.label, each.name, failure.title)
                failures.setdefault(key, f"{failure.message}\n{each.failure_info.code_sample}")
    report = "\n\n".join(f"{' - '.join(key)}\n{text}" for key, text in failures.items())
    assert not failures, report
    assert checks > 1000
    operations = {
        f"{method.upper()} {path}" for path, found in schema.raw_schema["paths"].items() for method in found
    }
    assert operations >= EXCLUDED
    assert tested == operations - EXCLUDED
