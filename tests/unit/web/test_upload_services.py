"""The process that makes assets of uploads runs beside an application."""

from __future__ import annotations

from pathlib import Path

from tests.unit.web.tus_client import VIDEO, TusClient
from tests.unit.web.web_app import client_of, open_services
from tests.waiting import wait_until

from eddyline.core.background_tasks import run_tasks
from eddyline.web.upload_services import upload_tasks


def test_a_finished_upload_is_submitted_as_an_asset(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    with client_of(services) as http, run_tasks(upload_tasks(services)):
        tus = TusClient(http)
        path = tus.created(len(VIDEO), VIDEO)
        wait_until(lambda: tus.status(path)["state"] == "submitted")
        asset = tus.status(path)["asset"]
        assert [job.kind for job in services.ledger.jobs(asset=asset)] == ["inspect"]
    services.ledger.close()
