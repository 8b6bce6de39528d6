"""What users do with assets: cancel, retry, delete."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from eddyline.library.asset_actions import NothingToDoError, cancel_asset, retry_asset
from eddyline.web.api import job_views as views
from eddyline.web.api.errors import declare
from eddyline.web.auth.dependencies import Writer
from eddyline.web.deletion_service import deletion_of
from eddyline.web.problems import Problem
from eddyline.web.services import WithServices
from eddyline.web.visible_assets import find_asset

router = APIRouter(tags=["assets"])


@router.post("/assets/{asset}/cancel", response_model=views.ChangedJobs, responses=declare(404, 409, 422))
def cancel(services: WithServices, principal: Writer, asset: str) -> dict[str, Any]:
    """Cancel all open jobs of an asset, and remove its preview."""
    find_asset(services, principal, asset)
    try:
        return {"jobs": cancel_asset(services.ledger, services.store, asset)}
    except NothingToDoError as error:
        raise _conflict(error) from error


@router.post("/assets/{asset}/retry", response_model=views.ChangedJobs, responses=declare(404, 409, 422))
def retry(services: WithServices, principal: Writer, asset: str) -> dict[str, Any]:
    """Give the failed and cancelled jobs of an asset new attempts."""
    find_asset(services, principal, asset)
    try:
        return {"jobs": retry_asset(services.ledger, asset)}
    except NothingToDoError as error:
        raise _conflict(error) from error


@router.delete(
    "/assets/{asset}",
    status_code=HTTPStatus.ACCEPTED,
    response_class=Response,
    responses=declare(404, 422),
)
def delete(services: WithServices, principal: Writer, asset: str) -> Response:
    """Delete an asset: cancel its jobs and delete its files, also if the server is restarted meanwhile.

    An event `asset.deleted` follows when nothing of it is stored any more.
    """
    find_asset(services, principal, asset)
    deletion_of(services).request(asset)
    services.telemetry.forget(asset)
    return Response(status_code=HTTPStatus.ACCEPTED)


def _conflict(error: NothingToDoError) -> Problem:
    return Problem(HTTPStatus.CONFLICT, error.message, remedy=error.remedy)
