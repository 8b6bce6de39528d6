"""Traces: off unless configured, one span for each request, no secrets in them."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from tests.unit.web.web_app import client_of, open_services

from eddyline.web.monitoring import request_spans
from eddyline.web.monitoring.tracing import export_traces, is_configured

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_traces_are_exported_only_to_a_named_endpoint() -> None:
    assert not is_configured({})
    assert is_configured({ENDPOINT: "http://127.0.0.1:4318"})
    assert is_configured({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"})
    assert not is_configured({ENDPOINT: "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"})
    assert not is_configured({ENDPOINT: "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"})


def test_without_an_endpoint_nothing_is_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    with export_traces() as provider:
        assert provider is None


def test_a_request_is_one_span_by_the_template_of_its_route(tmp_path: Path) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    services = replace(open_services(tmp_path), traces=provider)
    client = client_of(services)
    client.get(
        "/api/v1/assets/0123456789abcdef/redone?token=secret",
        headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01", "user-agent": "secret"},
    )
    client.get("/nothing/secret")
    services.ledger.close()
    first, second = exporter.get_finished_spans()
    assert first.name == "GET /api/v1/assets/{asset}/redone"
    assert first.kind is SpanKind.SERVER
    assert dict(first.attributes or {}) == {
        "http.request.method": "GET",
        "url.scheme": "http",
        "http.response.status_code": 404,
        "http.route": "/api/v1/assets/{asset}/redone",
    }
    assert first.parent is not None
    assert f"{first.parent.trace_id:032x}" == TRACE
    assert second.name == "GET unmatched"
    assert "secret" not in first.to_json() + second.to_json()


def test_an_error_marks_its_span(tmp_path: Path) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    services = replace(open_services(tmp_path), traces=provider)
    services.shutdown.request()
    assert client_of(services).get("/readyz").status_code == 503
    services.ledger.close()
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert request_spans.Tracing.__doc__


class _Collector(http.server.BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    received: list[tuple[str, bytes]] = []
    handler = type("Handler", (_Collector,), {"received": received})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", received
        server.shutdown()


def test_spans_reach_a_collector_by_the_standard_variables(
    monkeypatch: pytest.MonkeyPatch, collector: tuple[str, list[tuple[str, bytes]]]
) -> None:
    address, received = collector
    monkeypatch.setenv(ENDPOINT, address)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "library")
    with export_traces() as provider:
        assert provider is not None
        with provider.get_tracer("test").start_as_current_span("GET /healthz"):
            pass
        assert provider.force_flush(30_000)
    ((path, body),) = received
    assert path == "/v1/traces"
    assert b"GET /healthz" in body
    assert b"library" in body
