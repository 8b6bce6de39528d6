"""The weights by which the cost of encoding is divided over the renditions of an asset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eddyline.core.errors import EddylineError
from eddyline.media.ladder.cost import encode_weights
from eddyline.pipeline.planning.job_ids import is_plan
from eddyline.pipeline.planning.job_spec import read_plan
from eddyline.pipeline.planning.output_layout import parts_prefix
from eddyline.pipeline.publication.published import read_manifest
from eddyline.store.store import Store

_MAX_RENDITIONS = 100
_MAX_WEIGHT = 1 << 62


def read_encode_weights(store: Store | None, asset: str) -> dict[str, int]:
    """The weight of each rendition's encoding, largest rendition first; empty where it is not known.

    From the manifest of a published asset, else from its plan, which exists until the asset is published.
    """
    if store is None:
        return {}
    manifest = read_manifest(store, asset)
    if manifest is not None:
        return weights_of_manifest(manifest)
    try:
        for key in store.list(parts_prefix(asset) + "/"):
            if is_plan(key) and not (plan := read_plan(store.get(key), asset)).is_draft:
                return encode_weights(plan.rungs)
    except EddylineError:  # deleted meanwhile, or of another version: the division is an extra
        pass
    return {}


def weights_of_manifest(manifest: Mapping[str, Any]) -> dict[str, int]:
    """The weights that publication recorded; empty if an older version published the asset."""
    run = manifest.get("run")
    cost = run.get("cost") if isinstance(run, Mapping) else None
    found = cost.get("encode_weights") if isinstance(cost, Mapping) else None
    if not isinstance(found, Mapping) or len(found) > _MAX_RENDITIONS:
        return {}
    valid = all(
        isinstance(name, str) and type(weight) is int and 0 < weight < _MAX_WEIGHT
        for name, weight in found.items()
    )
    return dict(found) if valid else {}
