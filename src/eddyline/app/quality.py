"""Reads or measures the quality of a published asset."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eddyline.app.library import DEFAULT_OUT
from eddyline.app.shared_services import SharedServices
from eddyline.app.tools import find_toolchain
from eddyline.core.processes.runner import Runner
from eddyline.core.stop import Stop
from eddyline.pipeline.publication.asset_quality import QualityRequest, measure_asset, published_quality
from eddyline.pipeline.runs.run_directory import RunDirectory
from eddyline.store.store import Store


def read_quality(
    asset: str, out: Path | None, shared: SharedServices, rungs: Sequence[str]
) -> dict[str, Any]:
    """The quality in the asset's manifest, by rendition. Raises `MissingError`, `UsageError`."""
    return published_quality(_open_store(out, shared, None), asset, rungs)


def measure_quality(
    asset: str,
    request: QualityRequest,
    out: Path | None,
    shared: SharedServices,
    *,
    stop: Stop,
    on_progress: Callable[[float], None],
) -> dict[str, Any]:
    """Measure the quality with all cores, by rendition. Raises the errors of `measure_asset`."""
    store = _open_store(out, shared, stop)
    with tempfile.TemporaryDirectory(prefix="eddyline-") as directory:
        return measure_asset(
            store,
            asset,
            request,
            tools=find_toolchain(),
            runner=Runner(stop=stop),
            work=Path(directory),
            threads=len(os.sched_getaffinity(0)),
            on_progress=on_progress,
        )


def _open_store(out: Path | None, shared: SharedServices, stop: Stop | None) -> Store:
    """The media store of the options, else that of the output directory."""
    if out is None and shared.store:
        return shared.open_store(stop=stop)
    shared.configure_sources(stop=stop)
    directory = RunDirectory(out or DEFAULT_OUT)
    recorded = directory.recorded_store()
    return replace(shared, store=recorded).open_store(stop=stop) if recorded else directory.store
