"""The application: middleware, error handling and the routes of all modules."""

from __future__ import annotations

from functools import partial

from fastapi import FastAPI

from eddyline.web import openapi, problems
from eddyline.web.api import asset_actions as asset_actions_api
from eddyline.web.api import assets as assets_api
from eddyline.web.api import costs as costs_api
from eddyline.web.api import events as events_api
from eddyline.web.api import fleet as fleet_api
from eddyline.web.api import jobs as jobs_api
from eddyline.web.api import local_worker as local_worker_api
from eddyline.web.api import profiles as profiles_api
from eddyline.web.api import shares as shares_api
from eddyline.web.api import telemetry as telemetry_api
from eddyline.web.api import tokens as tokens_api
from eddyline.web.api import upload_status as upload_status_api
from eddyline.web.api import uploads as uploads_api
from eddyline.web.api import webhooks as webhooks_api
from eddyline.web.api import workers as workers_api
from eddyline.web.auth.dependencies import valid_tokens
from eddyline.web.auth.request_checks import RequestChecks
from eddyline.web.auth.security_headers import SecurityHeaders
from eddyline.web.event_streams import EventStreams
from eddyline.web.monitoring import health
from eddyline.web.monitoring.access_log import AccessLog
from eddyline.web.pages import account as account_pages
from eddyline.web.pages import asset as asset_pages
from eddyline.web.pages import fleet as fleet_pages
from eddyline.web.pages import jobs as jobs_pages
from eddyline.web.pages import library as library_pages
from eddyline.web.pages import media as media_pages
from eddyline.web.pages import session as session_pages
from eddyline.web.pages import shared as shared_pages
from eddyline.web.pages import upload as upload_pages
from eddyline.web.pages import webhooks as webhooks_pages
from eddyline.web.pages.script_modules import STATIC
from eddyline.web.services import Services
from eddyline.web.static_files import CompressedFiles, CompressPages

# Every module of `web/api` (mounted at /api/v1) and of `web/pages` is listed here.
API = (
    assets_api,
    asset_actions_api,
    jobs_api,
    profiles_api,
    telemetry_api,
    workers_api,
    local_worker_api,
    fleet_api,
    costs_api,
    events_api,
    upload_status_api,  # before uploads_api, whose paths would match its own
    uploads_api,
    webhooks_api,
    shares_api,
    tokens_api,
)
PAGES = (
    library_pages,
    asset_pages,
    media_pages,
    jobs_pages,
    fleet_pages,
    upload_pages,
    webhooks_pages,
    shared_pages,
    session_pages,
    account_pages,
)


def create_app(services: Services) -> FastAPI:
    """The application of one server. It opens nothing and starts no thread by itself."""
    app = FastAPI(
        title="Eddyline",
        docs_url=None,  # its page loads scripts from the network
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.services = services
    app.state.telemetry = services.telemetry
    app.state.streams = EventStreams(
        services.ledger.events, services.ledger.subscribe, partial(valid_tokens, services)
    )
    problems.install(app)
    openapi.install(app)
    app.add_middleware(RequestChecks, settings=services.settings)  # each is outside those before it
    app.add_middleware(SecurityHeaders, settings=services.settings)  # refusals have them too
    app.add_middleware(CompressPages)
    if services.traces is not None:
        from eddyline.web.monitoring.request_spans import Tracing  # noqa: PLC0415 - needs an extra

        app.add_middleware(Tracing, provider=services.traces)
    app.add_middleware(AccessLog, metrics=services.metrics, log=services.log)
    for module in API:
        app.include_router(module.router, prefix="/api/v1")
        app.state.allowed_methods.add(module.router, "/api/v1")
    for page in PAGES:
        app.include_router(page.router, include_in_schema=False)
        app.state.allowed_methods.add(page.router)
    app.include_router(health.router, include_in_schema=False)
    app.state.allowed_methods.add(health.router)
    app.mount("/static", CompressedFiles(directory=STATIC), name="static")
    return app
