"""An uploaded asset that is deleted leaves no byte in the output directory, and may be uploaded again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from starlette.testclient import TestClient
from tests.unit.library.telemetry import published_assets
from tests.unit.web.tus_client import VIDEO
from tests.unit.web.web_app import open_services
from tests.waiting import wait_until

from eddyline.core.background_tasks import run_tasks
from eddyline.core.clock import ManualClock
from eddyline.graph.db.library_schema import assets
from eddyline.library.shares import Shares
from eddyline.library.uploads.upload import NewUpload, UploadState
from eddyline.pipeline.planning.output_layout import asset_key, parts_prefix
from eddyline.pipeline.runtime.source_files import SourceRegistry
from eddyline.web.deletion_service import deletion_of, deletion_tasks, forget_deleted
from eddyline.web.services import Services
from eddyline.web.upload_services import open_finisher, open_uploads

MARK = b"bytes of the asset "
DATA = VIDEO + MARK * 50
NAME = "GX010042.MP4"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = open_services(tmp_path / "out")
    yield services
    services.ledger.close()


def upload(services: Services) -> str:
    """Uploads `DATA`; returns the id of the upload."""
    uploads = open_uploads(services)
    created = uploads.create(NewUpload(owner="", name=NAME, length=len(DATA)))
    writing = uploads.begin(created.id, "", 0)
    with uploads.files.open(created.id, 0) as file:
        file.write(0, DATA)
        file.sync()
    uploads.record(writing, len(DATA))
    return created.id


def finished(services: Services, upload_id: str) -> str | None:
    """Runs the finisher once; returns the asset of the upload."""
    open_finisher(services).run_once()
    return open_uploads(services).get(upload_id, "").asset


def publish(services: Services, scratch: Path, asset: str) -> None:
    """Stores what the jobs of an asset write, published and not."""
    scratch.mkdir()
    published_assets.publish(services.store, scratch, published_assets.recording(3), asset=asset)
    services.store.put_bytes(asset_key(asset, "pictures/poster.jpg"), MARK)
    services.store.put_bytes(f"{parts_prefix(asset)}/abc/chunk-0000/720p.mp4", MARK)
    values = update(assets).where(assets.c.asset == asset).values(state="ready")
    services.ledger.write(lambda c: c.execute(values))


def stored(services: Services, asset: str) -> list[str]:
    """The files of the output directory that belong to an asset by their path, or contain its bytes."""
    root = services.settings.data.parent
    files = [path for path in root.rglob("*") if path.is_file()]
    return [str(path) for path in files if asset in str(path) or MARK in path.read_bytes()]


def test_a_deleted_upload_leaves_no_byte(services: Services, client: TestClient, tmp_path: Path) -> None:
    asset = finished(services, upload(services))
    assert asset is not None
    publish(services, tmp_path / "scratch", asset)
    # What a killed server was copying to the same place.
    source = Path(SourceRegistry(services.store).find(asset).address)
    (source.parent / ".tmp-half").write_bytes(MARK)
    assert client.get(f"/api/v1/assets/{asset}/telemetry/track").status_code == 200
    secret = Shares(services.ledger).create(asset=asset, owner="").secret
    assert Shares(services.ledger).authenticate(secret) is not None
    before = stored(services, asset)
    for part in ("/assets/", "/parts/", "/sources/uploads/", "/cache/telemetry/", ".tmp-half"):
        assert any(part in each for each in before), part
    assert client.delete(f"/api/v1/assets/{asset}").status_code == 202
    assert client.get(f"/s/{secret}").status_code == 404
    with run_tasks(deletion_tasks(services)):
        wait_until(lambda: services.ledger.catalogue.get(asset) is None)
    assert stored(services, asset) == []
    assert client.get(f"/s/{secret}").status_code == 404
    assert Shares(services.ledger).list(asset=asset) == []
    assert list((services.settings.data.parent / "sources").iterdir()) == []


def test_positions_that_another_process_deleted_leave_the_cache(
    services: Services, client: TestClient, tmp_path: Path
) -> None:
    asset = finished(services, upload(services))
    assert asset is not None
    publish(services, tmp_path / "scratch", asset)
    client.get(f"/api/v1/assets/{asset}/telemetry/track")
    forget_deleted(services)
    assert services.telemetry.cached() == {asset}
    deletion = deletion_of(services)
    deletion.request(asset)
    assert deletion.step_all() == 1
    forget_deleted(services)
    assert services.telemetry.cached() == set()


def test_a_file_that_is_uploaded_while_its_asset_is_deleted_becomes_an_asset_afterwards(
    services: Services, client: TestClient
) -> None:
    asset = finished(services, upload(services))
    assert asset is not None
    client.delete(f"/api/v1/assets/{asset}")
    again = upload(services)
    assert finished(services, again) is None
    assert open_uploads(services).get(again, "").state is UploadState.STORING
    deletion = deletion_of(services)
    assert deletion.step(asset, deletion.being_deleted()[0][1]).deleted
    assert isinstance(services.clock, ManualClock)
    services.clock.advance(60)
    finisher = open_finisher(services)
    finisher.run_once()
    assert open_uploads(services).get(again, "").asset == asset
    found = services.ledger.catalogue.get(asset)
    assert found is not None
    assert found.state == "processing"
    assert Path(found.source).read_bytes() == DATA
