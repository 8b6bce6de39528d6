"""Give everything its final name, then set the manifest: from that moment on the asset exists."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eddyline.core.errors import ProofError
from eddyline.pipeline import manifest, page
from eddyline.pipeline.bench import Made, Task
from eddyline.pipeline.layout import asset_key, manifest_key

# kind of part -> folder of the asset that its files go to
_PLACES = {
    "assemble": "renditions/",
    "package": "",
    "poster": "pictures/",
    "pictures": "pictures/",
    "telemetry": "telemetry/",
}


def publish(task: Task) -> Made:
    """Publish the asset. Raises `ProofError`, and publishes nothing, if any proof fails."""
    plan, store = task.plan, task.bench.store
    parts = manifest.gather(plan, task.part)
    made = manifest.build(
        plan, parts, tools=task.bench.tools, history=task.bench.history(task.job), cpu_s=task.runner.cpu_s
    )
    placed = {asset_key(plan.asset, path): key for path, key in _placement(parts)}
    for stale in store.list(asset_key(plan.asset, "")):
        if stale not in placed:
            store.delete(stale)
    for key, source in placed.items():
        store.copy(source, key)
    html = task.work / "index.html"
    html.write_text(page.render(made, _beside(task, made)), "utf-8")
    store.put(asset_key(plan.asset, "index.html"), html)
    data = (json.dumps(made, indent=2, ensure_ascii=False) + "\n").encode()
    if not store.compare_and_set(manifest_key(plan.asset), data, None):
        # Another start of this very job got there first, or an older manifest stands in the way.
        there = json.loads(store.get(manifest_key(plan.asset)))
        if manifest.lasting(there) != manifest.lasting(made):
            raise ProofError(f"asset {plan.asset} is published already, and differently")
    return Made(result={"manifest": manifest_key(plan.asset)})


def _beside(task: Task, made: Mapping[str, Any]) -> Path:
    """A local folder with the files that the page is written from, wherever the store keeps them."""
    root, board = task.work / "page", made["pictures"]["storyboard"]
    if board is not None:
        (root / board).parent.mkdir(parents=True)
        (root / board).write_bytes(task.bench.store.get(asset_key(task.plan.asset, board)))
    return root


def _placement(parts: manifest.PartsOf) -> list[tuple[str, str]]:
    """(path in the asset, key of the part's file) for every file to be published."""
    return [
        (folder + name, part.file(name))
        for kind, folder in _PLACES.items()
        for part in parts.get(kind, ())
        for name in sorted(part.files)
    ]
