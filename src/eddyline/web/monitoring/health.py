"""`/healthz`, `/readyz` and `/metrics`: for load balancers, container runtimes and Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from eddyline.core.errors import EddylineError
from eddyline.web.auth.dependencies import Administrator
from eddyline.web.services import Services, WithServices

router = APIRouter()


@router.get("/healthz")
async def is_alive() -> dict[str, str]:
    """The process answers. It says nothing about the ledger: a restart does not repair that."""
    return {"status": "alive"}


@router.get("/readyz")
def is_ready(services: WithServices) -> JSONResponse:
    """Whether requests can be answered and jobs make progress: 200, or 503 with the reasons."""
    reasons = find_problems(services)
    status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
    return JSONResponse(
        {"status": "not ready" if reasons else "ready", "reasons": reasons},
        status,
        {"cache-control": "no-store"},
    )


@router.get("/metrics")
def metrics(services: WithServices, _: Administrator) -> Response:
    """The metrics of this process and of the ledger, in the text format of Prometheus."""
    return Response(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def find_problems(services: Services) -> list[str]:
    """Why the server is not ready; empty if it is. Without addresses: strangers may read it."""
    checks: tuple[tuple[str, Callable[[], object]], ...] = (
        ("the ledger does not answer", services.ledger.workers),
        ("the media store does not answer", services.store.check),
    )
    found = [reason for reason, check in checks if not _succeeds(check)]
    if services.worker is not None:
        found += [problem] if (problem := services.worker.state.problem(services.clock.now())) else []
    if services.shutdown.requested:
        found.append("the server is stopping")
    return found


def _succeeds(check: Callable[[], object]) -> bool:
    try:
        check()
    except EddylineError:
        return False
    return True
