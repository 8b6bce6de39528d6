"""Complete uploads become assets, once, also if the process is killed at any step."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from tests.unit.library.uploads.upload_helpers import UploadSite, video

from eddyline.core.errors import InputError, TransientError
from eddyline.graph.db.library_schema import assets
from eddyline.library.uploads.recordings import submit_now
from eddyline.library.uploads.upload import NewUpload, UploadState
from eddyline.store.local import LocalStore


class Killed(BaseException):
    """Stands for the end of the process."""


def chapter(site: UploadSite, part: int, parts: int = 3, **values: Any) -> str:
    data = video(part)
    name = f"GX0{part + 1}0042.MP4"
    return site.upload(data, name=name, recording="recording-1", part=part, parts=parts, **values).id


def test_a_complete_upload_is_verified_stored_and_submitted(site: UploadSite) -> None:
    upload = site.upload(video())
    assert site.finisher().run_once() == 1
    found = site.uploads.get(upload.id, "")
    assert found.state is UploadState.SUBMITTED
    assert found.sha256 == hashlib.sha256(video()).hexdigest()
    assert found.asset is not None
    assert upload.id in str(found.key)
    assert site.stored() == {"GX010042.MP4": video()}
    assert site.uploads.files.ids() == []
    assert site.submissions == [["GX010042.MP4"]]


def test_an_open_upload_is_left_alone(site: UploadSite) -> None:
    site.uploads.create(NewUpload(owner="", name="a.mp4", length=10))
    assert site.finisher().run_once() == 0


@pytest.mark.parametrize("step", ["sha256", "put", "remove", "submit", "submitted"])
def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(
    site: UploadSite, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = site.upload(video())

    def kill(*_: object, **__: object) -> None:
        raise Killed

    finisher = site.finisher()
    with monkeypatch.context() as patch:
        if step == "sha256":
            patch.setattr("eddyline.library.uploads.finisher.sha256_of", kill)
        elif step == "put":
            patch.setattr(LocalStore, "put", kill)
        elif step == "remove":
            patch.setattr(site.uploads.files, "remove", kill)
        elif step == "submit":
            finisher.submit = kill  # type: ignore[assignment] # stands for a killed process
        else:
            patch.setattr(site.uploads, "submitted", kill)
        with pytest.raises(Killed):
            finisher.run_once()
    assert site.finisher().run_once() == 1
    assert site.uploads.get(upload.id, "").state is UploadState.SUBMITTED
    assert site.stored() == {"GX010042.MP4": video()}
    assert {tuple(each) for each in site.submissions} == {("GX010042.MP4",)}
    assert site.finisher().run_once() == 0


def test_bytes_behind_the_length_are_cut(site: UploadSite) -> None:
    upload = site.upload(video())
    with site.uploads.files.path(upload.id).open("ab") as file:
        file.write(b"of a killed process")
    site.finisher().run_once()
    assert site.stored() == {"GX010042.MP4": video()}


def test_a_wrong_sha256_fails_the_upload_and_keeps_nothing(site: UploadSite) -> None:
    upload = site.upload(video(), metadata={"sha256": "0" * 64})
    assert site.finisher().run_once() == 0
    found = site.uploads.get(upload.id, "")
    assert found.state is UploadState.FAILED
    assert found.failure is not None
    assert "SHA-256" in found.failure["message"]
    assert site.stored() == {}
    assert site.uploads.files.ids() == []


def test_a_failure_that_may_pass_is_retried_later(site: UploadSite, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = site.upload(video())
    finisher = site.finisher()

    def full(*_: object) -> None:
        raise TransientError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(LocalStore, "put", full)
        assert finisher.run_once() == 0
    assert finisher.run_once() == 0  # not at once
    site.clock.advance(11)
    assert finisher.run_once() == 1
    assert site.uploads.get(upload.id, "").state is UploadState.SUBMITTED


def test_one_bad_file_stops_no_other(site: UploadSite) -> None:
    bad = site.upload(video(1), name="bad.mp4", metadata={"sha256": "0" * 64})
    good = site.upload(video(2), name="good.mp4")
    assert site.finisher().run_once() == 1
    assert site.uploads.get(bad.id, "").state is UploadState.FAILED
    assert site.uploads.get(good.id, "").state is UploadState.SUBMITTED


def test_chapters_become_one_asset_once_all_are_here(site: UploadSite) -> None:
    finisher = site.finisher()
    ids = [chapter(site, 2), chapter(site, 0)]
    assert finisher.run_once() == 0
    ids.append(chapter(site, 1))
    assert finisher.run_once() == 3
    assert site.submissions == [["GX010042.MP4", "GX020042.MP4", "GX030042.MP4"]]
    assert len({site.uploads.get(each, "").asset for each in ids}) == 1


def test_files_that_are_not_one_recording_become_several_assets(site: UploadSite) -> None:
    site.one_recording = False
    for part in range(3):
        chapter(site, part)
    assert site.finisher().run_once() == 3
    assert site.submissions == [["GX010042.MP4"], ["GX020042.MP4"], ["GX030042.MP4"]]


def test_missing_chapters_are_waited_for_and_then_left_out(site: UploadSite) -> None:
    finisher = site.finisher()
    chapter(site, 0)
    site.clock.advance(60)
    chapter(site, 1)
    site.clock.advance(60)
    assert finisher.run_once() == 0  # the wait starts with the last file
    site.clock.advance(60)
    assert finisher.run_once() == 2
    assert site.submissions == [["GX010042.MP4", "GX020042.MP4"]]


def test_a_recording_can_be_submitted_without_its_missing_chapters(site: UploadSite) -> None:
    first = chapter(site, 0)
    assert submit_now(site.uploads, first, "").state is UploadState.STORING
    assert site.finisher().run_once() == 1
    late = chapter(site, 1)
    assert site.finisher().run_once() == 0
    assert site.uploads.get(late, "").state is UploadState.COMPLETE


def test_the_chapters_of_two_owners_are_not_joined(site: UploadSite) -> None:
    chapter(site, 0, 2, owner="ann")
    chapter(site, 1, 2, owner="ben")
    assert site.finisher().run_once() == 0


def test_a_file_that_the_owner_has_is_not_stored_twice(site: UploadSite) -> None:
    first = site.upload(video())
    site.finisher().run_once()
    found = site.uploads.get(first.id, "")
    add_asset(site, str(found.asset), source=site.store.where(str(found.key)))
    second = site.upload(video(), name="copy.mp4")
    assert site.finisher().run_once() == 1
    assert site.uploads.get(second.id, "").asset == found.asset
    assert list(site.stored()) == ["GX010042.MP4"]
    assert len(site.submissions) == 1


def test_an_upload_that_was_submitted_before_a_kill_keeps_its_source(
    site: UploadSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = site.upload(video())

    def submit_and_die(ids: list[str], asset: str) -> None:
        key = str(site.uploads.get(ids[0], "").key)
        add_asset(site, asset, source=site.store.where(key))
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(site.uploads, "submitted", submit_and_die)
        with pytest.raises(Killed):
            site.finisher().run_once()
    assert site.finisher().run_once() == 1
    assert site.stored() == {"GX010042.MP4": video()}
    assert site.uploads.get(upload.id, "").state is UploadState.SUBMITTED


def test_an_invalid_submission_fails_the_upload(site: UploadSite) -> None:
    upload = site.upload(video())
    finisher = site.finisher()

    def refuse(*_: object) -> Any:
        raise InputError("refused", remedy="use another file")

    finisher.submit = refuse
    assert finisher.run_once() == 0
    failure = site.uploads.get(upload.id, "").failure
    assert failure is not None
    assert failure["remedy"] == "use another file"
    assert site.stored() == {}


def add_asset(site: UploadSite, asset: str, *, source: str, state: str = "processing") -> None:
    row = {
        "asset": asset,
        "owner": "",
        "name": Path(source).name,
        "state": state,
        "created": 0.0,
        "updated": 0.0,
        "profile": "default",
        "source": source,
        "progress": 0.0,
    }
    site.ledger.write(lambda c: c.execute(insert(assets).values(row)))
