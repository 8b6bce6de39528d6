"""tuspy, a client that others wrote, uploads to the server and resumes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.web.live_server import serving
from tests.unit.web.tus_client import UPLOADS, VIDEO
from tests.unit.web.web_app import open_services
from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage


# tuspy leaves the files open that it reads.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_tuspy_uploads_with_checksums_and_resumes(tmp_path: Path) -> None:
    services = open_services(tmp_path)
    source = tmp_path / "GX010042.MP4"
    source.write_bytes(VIDEO * 3)
    storage = FileStorage(str(tmp_path / "urls.json"))  # type: ignore[no-untyped-call]
    with closing(storage), serving(services) as server:
        client = TusClient(f"http://127.0.0.1:{server.port}{UPLOADS}")

        def uploader() -> object:
            return client.uploader(
                str(source),
                chunk_size=1000,
                metadata={"filename": source.name},
                upload_checksum=True,
                store_url=True,
                url_storage=storage,
            )

        first = uploader()
        first.upload(stop_at=2000)  # type: ignore[attr-defined] # tuspy has no types
        second = uploader()
        assert second.offset == 2000  # type: ignore[attr-defined]
        second.upload()  # type: ignore[attr-defined]
        upload = str(second.url).rpartition("/")[2]  # type: ignore[attr-defined]
    assert (services.settings.data / "uploads" / upload).read_bytes() == VIDEO * 3
    services.ledger.close()
