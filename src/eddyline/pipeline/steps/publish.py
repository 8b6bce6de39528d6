"""Give everything its final name, then set the manifest: from that moment on the asset exists."""

from __future__ import annotations

import json

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
        plan, parts, tools=task.bench.tools, history=task.bench.history(plan.asset), cpu_s=task.runner.cpu_s
    )
    placed = {asset_key(plan.asset, path): key for path, key in _placement(parts)}
    for stale in store.list(asset_key(plan.asset, "")):
        if stale not in placed:
            store.delete(stale)
    for key, source in placed.items():
        store.copy(source, key)
    root = task.work
    (root / "index.html").write_text(page.render(made, root), "utf-8")
    store.put(asset_key(plan.asset, "index.html"), root / "index.html")
    data = (json.dumps(made, indent=2, ensure_ascii=False) + "\n").encode()
    if not store.compare_and_set(manifest_key(plan.asset), data, None):
        # Another start of this very job got there first, or an older manifest stands in the way.
        there = json.loads(store.get(manifest_key(plan.asset)))
        if manifest.lasting(there) != manifest.lasting(made):
            raise ProofError(f"asset {plan.asset} is published already, and differently")
    return Made(result={"manifest": manifest_key(plan.asset)})


def _placement(parts: manifest.PartsOf) -> list[tuple[str, str]]:
    """(path in the asset, key of the part's file) for every file to be published."""
    return [
        (folder + name, part.file(name))
        for kind, folder in _PLACES.items()
        for part in parts.get(kind, ())
        for name in sorted(part.files)
    ]
