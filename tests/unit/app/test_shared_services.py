"""Store, ledger and queues are named by options or by settings, and an error names what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eddyline.app.observability import parse_listen_address
from eddyline.app.optional_dependencies import require_extra
from eddyline.app.shared_services import PRIORITIES, SharedServices
from eddyline.core import files
from eddyline.core.errors import UsageError
from eddyline.store.local import LocalStore


def test_an_option_overrides_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDDYLINE_STORE", "s3://of-the-setting")
    monkeypatch.setenv("EDDYLINE_QUEUES", "q")
    shared = SharedServices.from_options(store="s3://of-the-option")
    assert (shared.store, shared.ledger, shared.queues) == ("s3://of-the-option", "", "q")


def test_a_directory_is_opened_as_a_local_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = SharedServices.from_options(store="media").open_store()
    assert isinstance(store, LocalStore)
    assert store.root == tmp_path / "media"


def test_a_missing_setting_is_an_error_that_names_it() -> None:
    unset = SharedServices.from_options()
    for call in (unset.open_store, unset.open_ledger, lambda: unset.open_queues(("cpu",))):
        with pytest.raises(UsageError, match="EDDYLINE_"):
            call()


def test_without_boto3_the_upload_cleanup_reports_the_missing_extra_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "eddyline.aws.multipart_cleanup", raising=False)
    monkeypatch.setitem(sys.modules, "botocore", None)
    messages: list[str] = []
    SharedServices.from_options(store="s3://media/films").upload_cleanup(messages.append).clean("ab12")
    assert len(messages) == 1
    assert "eddyline[aws]" in messages[0]
    for store in ("", "/a/folder", "gs://media"):
        SharedServices.from_options(store=store).upload_cleanup(messages.append).clean("ab12")
    assert len(messages) == 1, "other stores have no multipart uploads"


def test_the_cleanup_of_an_asset_removes_temporary_files_of_killed_workers(
    tmp_path: Path,
) -> None:
    asset, other = tmp_path / "assets" / "ab12" / "renditions", tmp_path / "assets" / "cd34"
    removed = tmp_path / ".eddyline" / "parts" / "ab12"
    for folder in (asset, other, files.temp_path(removed)):
        folder.mkdir(parents=True)
    (asset / "1080p.mp4").write_bytes(b"whole")
    files.temp_path(asset / "1080p.mp4").write_bytes(b"half")
    files.temp_path(other / "manifest.json").write_bytes(b"half")
    SharedServices.from_options(store=str(tmp_path)).upload_cleanup(print).clean("ab12")
    assert [each.name for each in asset.iterdir()] == ["1080p.mp4"]
    assert list(removed.parent.iterdir()) == []
    assert len(list(other.iterdir())) == 1, "another worker may be using it"


def test_a_ledger_in_a_missing_directory_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a directory"):
        SharedServices.from_options(ledger=str(tmp_path / "none" / "ledger.db")).open_ledger()


def test_a_ledger_publishes_jobs_only_if_queues_are_configured(tmp_path: Path) -> None:
    location = str(tmp_path / "ledger.db")
    with SharedServices.from_options(ledger=location, queues="q").open_ledger() as ledger:
        assert ledger.publishes
    with SharedServices.from_options(ledger=location).open_ledger() as ledger:
        assert not ledger.publishes


def test_each_pool_has_a_queue_for_each_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    queues = SharedServices.from_options(queues="edd").open_queues(("light", "cpu"))
    assert len(queues.naming.job_queues) == 2 * len(PRIORITIES)


def test_a_missing_extra_is_an_error_that_names_it() -> None:
    with pytest.raises(UsageError, match=r"eddyline\[aws\]"), require_extra("aws", "SQS"):
        import no_such_module_of_ours  # type: ignore[import-not-found]  # noqa: F401 - it does not exist


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),  # noqa: S104 - read, not bound
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_metrics_are_served_on_the_loopback_interface_by_default(text: str, address: tuple[str, int]) -> None:
    assert parse_listen_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "70000", "-1"])
def test_an_invalid_metrics_port_is_rejected(text: str) -> None:
    with pytest.raises(UsageError, match="not a valid metrics port"):
        parse_listen_address(text)
