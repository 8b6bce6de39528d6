from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.unit.library.test_imports import VIDEO, serve_video
from tests.unit.library.webhooks.receiver import add_event, receiver
from tests.unit.web.web_app import open_services
from tests.waiting import wait_until

from eddyline.library.uploads.upload import UploadState
from eddyline.library.webhooks.webhooks import Webhooks
from eddyline.web.background_work import open_importer, run_background_work
from eddyline.web.upload_services import open_uploads


def test_a_server_downloads_imports_and_sends_webhooks_beside_its_requests(tmp_path: Path) -> None:
    opened = open_services(tmp_path)
    with receiver() as hook, serve_video() as videos, opened.ledger:
        settings = replace(opened.shared.settings, outbound_hosts=frozenset({hook.host, videos.host}))
        services = replace(opened, shared=replace(opened.shared, settings=settings))
        Webhooks(services.ledger).create("", hook.url)
        with run_background_work(services):
            add_event(services.ledger)
            upload = open_importer(services).start(videos.url, owner="")
            wait_until(lambda: len(hook.received) == 1)
            uploads = open_uploads(services)
            wait_until(lambda: uploads.get(upload.id, "").state is UploadState.SUBMITTED)
        asset = services.ledger.catalogue.get(str(uploads.get(upload.id, "").asset))
        assert asset is not None
        assert asset.name == "GX010042.MP4"
        assert (tmp_path / asset.source).read_bytes() == VIDEO
