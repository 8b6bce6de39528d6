"""The composition root: the only package that selects adapters and connects them to the pipeline.

Its functions are loaded on first use: each command imports only what it executes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eddyline.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from eddyline.app.edit import combine, find_highlights, make_reel, trim
    from eddyline.app.embedded import PlannedAsset, RunRequest, dry_run, run
    from eddyline.app.inspect_source import doctor
    from eddyline.pipeline import probe
    from eddyline.pipeline.runs.embedded import open_directory_ledger as open_ledger
    from eddyline.pipeline.runtime.machine_checks import Check

__all__ = [
    "Check",
    "PlannedAsset",
    "RunRequest",
    "combine",
    "doctor",
    "dry_run",
    "find_highlights",
    "make_reel",
    "open_ledger",
    "probe",
    "run",
    "trim",
]

__getattr__ = lazy_names(
    globals(),
    {
        "eddyline.app.edit": "combine find_highlights make_reel trim",
        "eddyline.app.embedded": "PlannedAsset RunRequest dry_run run",
        "eddyline.app.inspect_source": "doctor",
        "eddyline.pipeline.api.probe": "probe",
        "eddyline.pipeline.runs.embedded": "open_ledger=open_directory_ledger",
        "eddyline.pipeline.runtime.machine_checks": "Check",
    },
)
