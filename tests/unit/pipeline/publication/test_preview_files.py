"""The visible files of a preview: shown, removed when the asset is cancelled, and shown whole again."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eddyline.core.errors import EddylineError
from eddyline.core.stop import Stop
from eddyline.pipeline.planning.preview import Preview
from eddyline.pipeline.publication.preview_files import PREVIEW, preview_path, remove_preview, show_preview
from eddyline.pipeline.runtime.parts import Part, PartStore
from eddyline.store.local import LocalStore

ASSET = "0123456789abcdef"
_HEAD = "#EXTM3U\n#EXT-X-PLAYLIST-TYPE:EVENT\n"


@dataclass
class Asset:
    """The parts of a preview with two extensions, in a store."""

    store: LocalStore
    stop: Stop = field(default_factory=Stop)

    def add(self, kind: str, index: int | None, segments: range, work: Path) -> None:
        """Store the part of a job: the segments that it adds, and the playlist with all until then."""
        names = {f"stream/64p/{number:05}.m4s": f"segment {number}" for number in segments}
        listed = "".join(f"#EXTINF:2,\n{number:05}.m4s\n" for number in range(1, segments.stop))
        names["stream/64p/main.m3u8"] = _HEAD + listed
        if kind == "preview":
            names |= {"stream/64p/init.mp4": "init", PREVIEW: "#EXTM3U\n64p/main.m3u8\n", "head-0.m4a": "-"}
        files = {}
        for name, text in names.items():
            files[name] = work / name.replace("/", "_")
            files[name].write_text(text)
        PartStore(self.store).save(_key(kind, index), files, {}, 0.0)

    def task(self, kind: str, index: int | None = None) -> Any:
        """The task of a job, as far as a preview needs it."""
        preview = Preview(rung="64p", frames=20, extensions=(1, 2))
        parts = PartStore(self.store)
        return SimpleNamespace(
            runtime=SimpleNamespace(store=self.store),
            plan=SimpleNamespace(asset=ASSET, preview=preview),
            job=SimpleNamespace(kind=kind),
            index=index,
            context=SimpleNamespace(stop=self.stop),
            part=lambda kind, index=None: parts.get(_key(kind, index)),
        )

    def show(self, kind: str, index: int | None = None) -> None:
        part: Part = self.task(kind, index).part(kind, index)
        show_preview(self.task(kind, index), part)

    @property
    def shown(self) -> dict[str, str]:
        """The visible files of the asset."""
        prefix = f"assets/{ASSET}/"
        keys = list(self.store.list(prefix))
        return {key.removeprefix(prefix): self.store.get(key).decode() for key in keys}


def _key(kind: str, index: int | None) -> str:
    return f".eddyline/parts/{ASSET}/p/{kind}" + ("" if index is None else f"-{index}")


@pytest.fixture
def asset(tmp_path: Path) -> Asset:
    (tmp_path / "work").mkdir()
    found = Asset(LocalStore(tmp_path / "out"))
    found.add("preview", None, range(1, 2), tmp_path / "work")
    found.add("extend", 1, range(2, 4), tmp_path / "work")
    found.add("extend", 2, range(4, 7), tmp_path / "work")
    return found


def test_each_job_adds_its_segments(asset: Asset) -> None:
    asset.show("preview")
    assert sorted(asset.shown) == [
        *("stream/64p/00001.m4s", "stream/64p/init.mp4", "stream/64p/main.m3u8", PREVIEW)
    ]
    assert preview_path(asset.store, ASSET) == PREVIEW
    asset.show("extend", 1)
    assert "stream/64p/00003.m4s" in asset.shown
    assert asset.shown["stream/64p/main.m3u8"].count("#EXTINF") == 3


def test_a_cancelled_asset_has_no_files_of_a_preview_and_a_retried_one_all(asset: Asset) -> None:
    for name, index in (("preview", None), ("extend", 1)):
        asset.show(name, index)
    asset.store.put_bytes(f"assets/{ASSET}/poster.jpg", b"poster")
    remove_preview(asset.store, ASSET)
    remove_preview(asset.store, ASSET)
    assert asset.shown == {"poster.jpg": "poster"}
    asset.show("extend", 2)  # the jobs before it are done, and do not run again
    listed = [line for line in asset.shown["stream/64p/main.m3u8"].splitlines() if line.endswith(".m4s")]
    assert listed == [f"{number:05}.m4s" for number in range(1, 7)]
    assert {f"stream/64p/{name}" for name in listed} < asset.shown.keys()
    assert {"stream/64p/init.mp4", PREVIEW} < asset.shown.keys()


def test_a_published_asset_keeps_its_stream(asset: Asset) -> None:
    asset.show("preview")
    manifest = {"schema": 1, "asset": ASSET}
    asset.store.put_bytes(f"assets/{ASSET}/manifest.json", json.dumps(manifest).encode())
    before = asset.shown
    remove_preview(asset.store, ASSET)
    assert asset.shown == before


def test_a_job_that_is_cancelled_shows_nothing(asset: Asset) -> None:
    asset.stop.request("cancelled")
    with pytest.raises(EddylineError):
        asset.show("preview")
    assert asset.shown == {}
