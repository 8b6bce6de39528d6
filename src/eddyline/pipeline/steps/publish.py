"""Give everything its final name, then set the manifest: from that moment on the asset exists."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from eddyline.core.errors import TransientError
from eddyline.page.render import render_page
from eddyline.pipeline.planning.output_layout import asset_key, manifest_key
from eddyline.pipeline.publication import manifest
from eddyline.pipeline.publication.published import is_complete, read_manifest
from eddyline.pipeline.runtime.runtime import StepOutput, Task
from eddyline.pipeline.runtime.subtitles import CUES

_TRIES = 8  # one is enough unless several publish the same asset at once
# kind of part -> folder of the asset that its files go to
_PLACES = {
    "assemble": "renditions/",
    "package": "",
    "poster": "pictures/",
    "pictures": "pictures/",
    "telemetry": "telemetry/",
    "subtitles": "subtitles/",
}


def publish(task: Task) -> StepOutput:
    """Publish the asset; what stands published meanwhile is never hidden, only replaced, and at once.

    Raises `ProofError`, and publishes nothing, if any proof fails, or if the asset stands published, made
    from the same footage by the same programs, and is another nevertheless.
    """
    plan, store = task.plan, task.runtime.store
    key = manifest_key(plan.asset)
    parts = manifest.collect_parts(plan, task.part)
    made = manifest.build_manifest(
        plan, parts, tools=task.runtime.tools, history=task.runtime.history(task.job), cpu_s=task.runner.cpu_s
    )
    data = (json.dumps(made, indent=2, ensure_ascii=False) + "\n").encode()
    placed: frozenset[str] = frozenset()
    for _ in range(_TRIES):
        tag = store.tag(key)  # before the manifest is read: one that comes between fails the comparison
        there = read_manifest(store, plan.asset)
        # A manifest whose files are damaged is what someone asked to have repaired.
        sound = there is not None and (bool(placed) or is_complete(store, plan.asset, there))
        kept = manifest.should_keep(there, made, sound=sound)
        placed = placed or _place(task, parts)
        _put_page(task, there if kept and there is not None else made)
        if kept or store.compare_and_set(key, data, tag):
            _remove_stale(task, placed)
            return StepOutput(result={"manifest": key})
        # Another start of this very job was first; or the answer was lost on the way, and it is ours.
    raise TransientError(f"asset {plan.asset} is being published by others all the time")


def _place(task: Task, parts: manifest.PartsOf) -> frozenset[str]:
    """Give everything but page and manifest its final name; returns the keys."""
    asset, store = task.plan.asset, task.runtime.store
    placed = {asset_key(asset, path): source for path, source in _placement(parts)}
    for key, source in placed.items():
        task.context.stop.check()
        store.copy(source, key)
    return frozenset(placed)


def _put_page(task: Task, told: Mapping[str, Any]) -> None:
    html = task.work / "index.html"
    html.write_text(render_page(told, _beside(task, told)), "utf-8")
    task.runtime.store.put(asset_key(task.plan.asset, html.name), html)


def _remove_stale(task: Task, placed: Collection[str]) -> None:
    """Remove what an older manifest named, now that no manifest does."""
    asset, store = task.plan.asset, task.runtime.store
    kept = {*placed, manifest_key(asset), asset_key(asset, "index.html")}
    for key in store.list(asset_key(asset, "")):
        if key not in kept:
            store.delete(key)


def _beside(task: Task, made: Mapping[str, Any]) -> Path:
    """A local folder with the files that the page is written from, wherever the store keeps them."""
    root, board = task.work / "page", made["pictures"]["storyboard"]
    texts = [each["path"] for each in made.get("subtitles", ())]
    for path in (*([] if board is None else [board]), *texts):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(task.runtime.store.get(asset_key(task.plan.asset, path)))
    return root


def _placement(parts: manifest.PartsOf) -> list[tuple[str, str]]:
    """(path in the asset, key of the part's file) for every file to be published."""
    return [
        (folder + name, part.file(name))
        for kind, folder in _PLACES.items()
        for part in parts.get(kind, ())
        for name in sorted(part.files)
        if (kind, name) != ("subtitles", CUES)
    ]
