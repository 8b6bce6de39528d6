"""Exports traces by OpenTelemetry: the extra `tracing`, configured by the standard OTEL_ variables."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eddyline.app.optional_dependencies import require_extra

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_FLUSH_S = 0.2  # at the end of the process, which must follow a signal within a second


def is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether an endpoint for traces is set, and tracing is not disabled."""
    disabled = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    exporter = environment.get("OTEL_TRACES_EXPORTER", "otlp")
    return not disabled and exporter == "otlp" and any(environment.get(name) for name in _ENDPOINTS)


@contextmanager
def export_traces() -> Iterator[TracerProvider | None]:
    """The provider of traces within this context; None if none is configured.

    Raises `UsageError` if it is configured and the extra is missing.
    """
    if not is_configured():
        yield None
        return
    with require_extra("tracing", "exporting traces"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    name = os.environ.get("OTEL_SERVICE_NAME", "eddyline-web")
    provider = TracerProvider(resource=Resource.create({"service.name": name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield provider
    finally:
        flush = threading.Thread(target=provider.shutdown, name="trace flush", daemon=True)
        flush.start()
        flush.join(_FLUSH_S)
