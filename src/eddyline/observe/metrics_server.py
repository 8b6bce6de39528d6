"""HTTP server that exposes metrics to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, disable_created_metrics, start_http_server

from eddyline.core.errors import UsageError


@contextmanager
def serve_metrics(registry: CollectorRegistry, *, host: str = "127.0.0.1", port: int = 9464) -> Iterator[int]:
    """Serve the registry at http://host:port/metrics while entered; yields the port (0 selects a free one).

    Raises `UsageError` if the port is in use or the address does not belong to this machine.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]  # half as many series: start times are not used
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"metrics cannot be served on {host}:{port}: {error}",
            remedy="choose another port, 0 for any free one, or disable metrics",
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
