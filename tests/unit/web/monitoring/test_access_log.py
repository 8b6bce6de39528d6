"""The access log: every request by the template of its route, without secrets."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry
from starlette.testclient import TestClient
from tests.unit.web.web_app import client_of, open_services

from eddyline.observe.logs import open_log
from eddyline.observe.web_metrics import WebMetrics
from eddyline.web.monitoring.access_log import REQUEST_ID, AccessLog

SECRET = "c2VjcmV0LW9mLWEtc2hhcmUtbGluaw"  # noqa: S105 - of the test


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(name, labels)


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def metrics() -> WebMetrics:
    return WebMetrics()


@pytest.fixture
def client(stream: io.StringIO, metrics: WebMetrics) -> TestClient:
    app = FastAPI()
    seen: list[float | None] = []
    app.state.seen = seen

    @app.get("/s/{secret}/files/{path:path}")
    def shared(secret: str, path: str) -> str:
        return secret + path

    @app.get("/assets/{asset}")
    def asset(asset: str) -> str:
        return asset

    @app.get("/fails")
    def fails() -> None:
        raise ValueError("a bug")

    @app.get("/stream")
    def events() -> StreamingResponse:
        def lines() -> Any:
            seen.append(value(metrics.registry, "eddyline_event_streams"))
            yield b"data: x\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    app.add_middleware(AccessLog, metrics=metrics, log=open_log(stream, level="debug"))
    return TestClient(app, raise_server_exceptions=False)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_template_and_no_secret(client: TestClient, stream: io.StringIO) -> None:
    response = client.get(
        f"/s/{SECRET}/files/video/init.mp4?token={SECRET}",
        headers={"authorization": f"Bearer {SECRET}", "cookie": f"session={SECRET}", "referer": SECRET},
    )
    (line,) = lines(stream)
    assert line["route"] == "/s/{secret}/files/{path}"
    assert (line["event"], line["method"], line["status"]) == ("request", "GET", 200)
    assert line["bytes"] == len(response.content)
    assert line["client"] == "testclient"
    assert line["request_id"] == response.headers[REQUEST_ID]
    assert line["elapsed_ms"] >= 0
    assert SECRET not in stream.getvalue()


def test_a_line_about_an_asset_names_it(client: TestClient, stream: io.StringIO) -> None:
    client.get("/assets/0123456789abcdef")
    client.get("/assets/..%2f%0a")
    assert [line.get("asset") for line in lines(stream)] == ["0123456789abcdef", None]


def test_unknown_paths_and_methods_add_no_series(client: TestClient, metrics: WebMetrics) -> None:
    for name in ("one", "two"):
        client.get(f"/nothing/{name}")
        client.request(f"X{name.upper()}", "/assets/1")
    registry = metrics.registry
    requests = "eddyline_http_requests_total"
    assert value(registry, requests, method="GET", route="unmatched", status="404") == 2
    assert value(registry, requests, method="other", route="/assets/{asset}", status="405") == 2


def test_an_error_is_counted_and_logged_with_its_status(
    client: TestClient, stream: io.StringIO, metrics: WebMetrics
) -> None:
    assert client.get("/fails").status_code == 500
    (line,) = lines(stream)
    assert (line["status"], line["route"]) == (500, "/fails")
    assert value(metrics.registry, "eddyline_http_requests_total", method="GET", route="/fails", status="500")


def test_open_streams_are_counted_and_their_duration_is_not(client: TestClient, metrics: WebMetrics) -> None:
    client.get("/stream")
    registry = metrics.registry
    assert client.app.state.seen == [1.0]  # type: ignore[attr-defined]
    assert value(registry, "eddyline_event_streams") == 0.0
    assert value(registry, "eddyline_http_requests_total", method="GET", route="/stream", status="200") == 1
    assert value(registry, "eddyline_http_request_seconds_count", route="/stream") is None
    client.get("/assets/1")
    assert value(registry, "eddyline_http_request_seconds_count", route="/assets/{asset}") == 1


def test_the_application_counts_by_the_whole_template(tmp_path: Path, stream: io.StringIO) -> None:
    services = replace(open_services(tmp_path), log=open_log(stream, level="debug"))
    client = client_of(services)
    client.get("/api/v1/assets/0123456789abcdef/redone")
    client.get("/static/base.css")
    client.get("/healthz")
    assert [(line["route"], line["level"]) for line in lines(stream)] == [
        ("/api/v1/assets/{asset}/redone", "info"),
        ("/static", "debug"),
        ("/healthz", "debug"),
    ]
    services.ledger.close()
