"""The catalogue is rebuilt from the manifests of the store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.graph.ledger.catalogue.rows import insert_assets

from eddyline.core.errors import Interrupted, UsageError
from eddyline.core.stop import Stop
from eddyline.graph.job import AssetEntry, NewJob
from eddyline.graph.ledger.catalogue.asset import AssetFilters, AssetState
from eddyline.graph.ledger.ledger import Ledger
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key
from eddyline.pipeline.publication.rebuild_catalogue import Rebuilt, rebuild_catalogue
from eddyline.store.local import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        yield opened


def asset_id(number: int) -> str:
    return f"{number:016x}"


def publish(store: LocalStore, number: int, **more: object) -> str:
    asset = asset_id(number)
    manifest: dict[str, Any] = {
        "version": 3,
        "asset": asset,
        "owner": "anna",
        "source": {"name": f"{number}.mp4", "bytes": 10, "duration_s": 2.5},
        "profile": {"name": "fast"},
        "run": {"started": "2026-01-01T00:00:00Z"},
    }
    store.put_bytes(manifest_key(asset), json.dumps({**manifest, **more}).encode())
    store.put_bytes(asset_key(asset, "index.html"), b"x")
    return asset


def rebuild(store: LocalStore, ledger: Ledger) -> tuple[Rebuilt, list[str]]:
    skipped: list[str] = []
    found = rebuild_catalogue(
        store, ledger, stop=Stop(), on_skipped=lambda key, reason: skipped.append(f"{key}: {reason}")
    )
    return found, skipped


def rows(ledger: Ledger) -> dict[str, AssetState]:
    page = ledger.catalogue.page(AssetFilters(), limit=1000)
    return {each.asset: each.state for each in page.assets}


def test_rebuilding_is_idempotent(store: LocalStore, ledger: Ledger) -> None:
    for number in range(250):
        publish(store, number)
    assert rebuild(store, ledger) == (Rebuilt(assets=250, changed=250, removed=0, skipped=0), [])
    before = ledger.catalogue.page(AssetFilters(), limit=1000)
    assert rebuild(store, ledger)[0] == Rebuilt(assets=250, changed=0, removed=0, skipped=0)
    assert ledger.catalogue.page(AssetFilters(), limit=1000) == before
    assert len({each.created for each in before.assets}) == 250
    found = before.assets[-1]
    assert (found.owner, found.name, found.profile, found.state) == ("anna", "0.mp4", "fast", "ready")
    assert (found.source_bytes, found.duration_s, found.created) == (10, 2.5, 1_767_225_600.0)


def test_rows_that_differ_are_corrected(store: LocalStore, ledger: Ledger) -> None:
    asset = publish(store, 1)
    insert_assets(ledger, {"asset": asset, "state": "failed", "failure": "{}", "duration_s": 9.0})
    assert rebuild(store, ledger)[0].changed == 1
    found = ledger.catalogue.get(asset)
    assert found is not None
    assert (found.state, found.failure, found.duration_s) == (AssetState.READY, None, 2.5)


def test_rows_of_assets_that_are_not_stored_are_removed(store: LocalStore, ledger: Ledger) -> None:
    for number in (100, 200, 300):
        publish(store, number)
    gone = [asset_id(number) for number in (*range(50, 60), *range(150, 260), *range(400, 405))]
    insert_assets(ledger, *({"asset": name} for name in gone if name != asset_id(200)))
    assert rebuild(store, ledger)[0].removed == len(gone) - 1
    assert set(rows(ledger)) == {asset_id(number) for number in (100, 200, 300)}


def test_rows_that_jobs_explain_are_kept(store: LocalStore, ledger: Ledger) -> None:
    publish(store, 1)
    names = {state: asset_id(number) for number, state in enumerate(AssetState, 10)}
    for state in (AssetState.PROCESSING, AssetState.CANCELLED):
        entry = AssetEntry(name="a", source="b", profile="fast")
        ledger.submit([NewJob(id=state, asset=names[state], kind="inspect", spec={}, entry=entry)])
    ledger.cancel(job=AssetState.CANCELLED)
    insert_assets(
        ledger,
        *(
            {"asset": names[state], "state": state.value}
            for state in (AssetState.READY, AssetState.FAILED, AssetState.DELETING)
        ),
    )
    assert rebuild(store, ledger)[0].removed == 2
    kept = {state: names[state] for state in rows(ledger).values() if state is not AssetState.READY}
    assert set(kept) == {AssetState.PROCESSING, AssetState.CANCELLED, AssetState.DELETING}


def test_an_asset_with_open_jobs_is_left_to_them(store: LocalStore, ledger: Ledger) -> None:
    asset = publish(store, 1)
    entry = AssetEntry(name="a", source="b", profile="fast")
    ledger.submit([NewJob(id="j", asset=asset, kind="inspect", spec={}, entry=entry)])
    assert rebuild(store, ledger)[0].changed == 0
    assert rows(ledger) == {asset: AssetState.PROCESSING}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{half", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not the manifest"),
        (b'{"asset": "ffffffffffffffff", "version": 3}', "not the manifest"),
        (b'{"asset": "0000000000000005", "version": 99}', "version"),
        (b'{"asset": "0000000000000005"}', "version"),
    ],
)
def test_a_bad_manifest_is_reported_and_its_row_is_kept(
    store: LocalStore, ledger: Ledger, data: bytes, reason: str
) -> None:
    publish(store, 1)
    insert_assets(ledger, {"asset": asset_id(5)})
    store.put_bytes(manifest_key(asset_id(5)), data)
    found, skipped = rebuild(store, ledger)
    assert found == Rebuilt(assets=1, changed=1, removed=0, skipped=1)
    assert len(skipped) == 1
    assert reason in skipped[0]
    assert manifest_key(asset_id(5)) in skipped[0]
    assert asset_id(5) in rows(ledger)


@pytest.mark.parametrize("version", [1, 2])
def test_manifests_of_earlier_versions_are_read(store: LocalStore, ledger: Ledger, version: int) -> None:
    asset = publish(store, 1, version=version, owner="")
    assert rebuild(store, ledger)[0].changed == 1
    assert rows(ledger) == {asset: AssetState.READY}


def test_an_empty_store_does_not_empty_the_catalogue(store: LocalStore, ledger: Ledger) -> None:
    insert_assets(ledger, {"asset": asset_id(1)})
    with pytest.raises(UsageError, match="has no assets"):
        rebuild(store, ledger)
    assert len(rows(ledger)) == 1


def test_a_rebuild_stops_when_it_is_asked_to(store: LocalStore, ledger: Ledger) -> None:
    publish(store, 1)
    stop = Stop()
    stop.request("test")
    with pytest.raises(Interrupted):
        rebuild_catalogue(store, ledger, stop=stop, on_skipped=lambda _key, _reason: None)
