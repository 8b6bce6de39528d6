"""The wiring: the only room that picks adapters and joins them to the pipeline."""

from __future__ import annotations

from eddyline.app.editing import combine, trim
from eddyline.app.embedded import PlannedAsset, RunRequest, dry_run, open_ledger, run
from eddyline.app.looking import doctor, probe
from eddyline.pipeline.checks import Check

__all__ = [
    "Check",
    "PlannedAsset",
    "RunRequest",
    "combine",
    "doctor",
    "dry_run",
    "open_ledger",
    "probe",
    "run",
    "trim",
]
