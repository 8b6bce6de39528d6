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


def test_an_option_goes_before_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDDYLINE_STORE", "s3://of-the-setting")
    monkeypatch.setenv("EDDYLINE_QUEUES", "q")
    shared = SharedServices.from_options(store="s3://of-the-option")
    assert (shared.store, shared.ledger, shared.queues) == ("s3://of-the-option", "", "q")


def test_a_shared_folder_is_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = SharedServices.from_options(store="media").open_store()
    assert isinstance(store, LocalStore)
    assert store.root == tmp_path / "media"


def test_what_is_not_named_is_asked_for() -> None:
    nothing = SharedServices.from_options()
    for call in (nothing.open_store, nothing.open_ledger, lambda: nothing.open_queues(("cpu",))):
        with pytest.raises(UsageError, match="EDDYLINE_"):
            call()


def test_without_boto3_uploads_of_killed_processes_stay_and_that_is_told(
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
    assert len(messages) == 1, "where there are none to abort, there is nothing to tell"


def test_in_a_shared_folder_what_killed_workers_left_of_an_asset_goes_once_it_is_there(
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


def test_a_ledger_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a directory"):
        SharedServices.from_options(ledger=str(tmp_path / "none" / "ledger.db")).open_ledger()


def test_whoever_submits_to_queues_notes_what_is_to_be_published(tmp_path: Path) -> None:
    place = str(tmp_path / "ledger.db")
    with SharedServices.from_options(ledger=place, queues="q").open_ledger() as opened:
        assert opened.publishes
    with SharedServices.from_options(ledger=place).open_ledger() as opened:
        assert not opened.publishes


def test_there_is_a_queue_for_every_priority_of_every_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    queues = SharedServices.from_options(queues="edd").open_queues(("light", "cpu"))
    assert len(queues.naming.job_queues) == 2 * len(PRIORITIES)


def test_a_missing_extra_is_named_with_what_to_install() -> None:
    with pytest.raises(UsageError, match=r"eddyline\[aws\]"), require_extra("aws", "SQS"):
        import no_such_module_of_ours  # type: ignore[import-not-found]  # noqa: F401 - there is none


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),  # noqa: S104 - read, not bound
        ("[::1]:80", ("::1", 80)),
    ],
)
def test_metrics_are_shown_on_this_machine_unless_a_host_is_named(
    text: str, address: tuple[str, int]
) -> None:
    assert parse_listen_address(text) == address


@pytest.mark.parametrize("text", ["", "host", "host:", "70000", "-1"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a valid metrics port"):
        parse_listen_address(text)
